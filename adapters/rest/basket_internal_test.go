package rest

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// A reservation that a mirror keeps has its name until it is gone: the next one of the basket
// takes another.
func TestTheNameOfAReservationThatGoesIsNotUsedAgain(t *testing.T) {
	revision := func(n int, phase v1alpha1.StockReservationPhase, goes bool) *v1alpha1.StockReservation {
		r := &v1alpha1.StockReservation{}
		r.Name, r.Labels = fmt.Sprintf("basket-%d", n), map[string]string{basketLabel: "basket"}
		r.Status.Phase = phase
		if goes {
			now := metav1.NewTime(time.Unix(0, 0))
			r.DeletionTimestamp = &now
		}
		return r
	}
	held, refused := revision(2, v1alpha1.ReservationReserved, false), revision(3, v1alpha1.ReservationRejected, true)
	b := first(basketsOf([]*v1alpha1.StockReservation{refused, revision(1, v1alpha1.ReservationReleased, true), held}))
	if len(b.revisions) != 1 || b.current() != held {
		t.Fatalf("the basket is %+v", b)
	}
	if next := b.next(nil, time.Unix(1, 0)); next.Name != "basket-4" {
		t.Errorf("the next one is %s, want basket-4", next.Name)
	}
}
