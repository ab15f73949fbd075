package decide

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// expiries knows when reservations run out. All are looked through only when the first
// may have: a namespace has few baskets beside its orders.
type expiries struct {
	byUID map[types.UID]expiry
	// first is not after any of them; zero when there are none.
	first time.Time
}

type expiry struct {
	at   time.Time
	name string
	uid  types.UID
}

func (x *expiries) clear() { x.byUID, x.first = map[types.UID]expiry{}, time.Time{} }

// track notes when a reservation runs out, as long as it can.
func (x *expiries) track(r *v1alpha1.StockReservation, phase v1alpha1.StockReservationPhase) {
	if r.Spec.ExpiresAt == nil || phase != v1alpha1.ReservationPending && phase != v1alpha1.ReservationReserved {
		delete(x.byUID, r.UID)
		return
	}
	x.put(expiry{at: r.Spec.ExpiresAt.Time, name: r.Name, uid: r.UID})
}

func (x *expiries) put(e expiry) {
	x.byUID[e.uid] = e
	if x.first.IsZero() || e.at.Before(x.first) {
		x.first = e.at
	}
}

// take removes and returns those that ran out by now.
func (x *expiries) take(now time.Time) (due []expiry) {
	if x.first.IsZero() || now.Before(x.first) {
		return nil
	}
	all := x.byUID
	x.clear()
	for _, e := range all {
		if now.Before(e.at) {
			x.put(e)
		} else {
			due = append(due, e)
		}
	}
	return due
}

// next is when the next one may run out; ok is false when none does.
func (x *expiries) next() (at time.Time, ok bool) { return x.first, !x.first.IsZero() }
