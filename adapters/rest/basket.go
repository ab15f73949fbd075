package rest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
)

// basketLabel says which basket a reservation is of.
const basketLabel = "orderplane.dev/basket"

// States of a basket.
const (
	basketPending  = "PENDING"
	basketHeld     = "HELD"
	basketRejected = "REJECTED"
	basketReleased = "RELEASED"
	basketExpired  = "EXPIRED"
	basketOrdered  = "ORDERED"
)

// basket is what a customer sees under one id. What a reservation holds never
// changes, so a basket with other items is another reservation, which takes the one
// before it over in one decision: <id>-1, <id>-2 and so on. When that is refused, the
// one before stays.
type basket struct {
	id string
	// revisions are the reservations that are there, oldest first.
	revisions []*v1alpha1.StockReservation
	// going is the highest number of one that is being deleted: its name is taken until it is gone.
	going int
}

// basketsOf sorts reservations into baskets, newest first.
func basketsOf(reservations []*v1alpha1.StockReservation) []*basket {
	byID, going := map[string]*basket{}, map[string]int{}
	for _, r := range reservations {
		id := r.Labels[basketLabel]
		if r.DeletionTimestamp != nil {
			going[id] = max(going[id], revision(r))
			continue
		}
		if revision(r) == 0 {
			continue
		}
		if byID[id] == nil {
			byID[id] = &basket{id: id}
		}
		byID[id].revisions = append(byID[id].revisions, r)
	}
	baskets := make([]*basket, 0, len(byID))
	for _, b := range byID {
		b.going = going[b.id]
		slices.SortFunc(b.revisions, func(x, y *v1alpha1.StockReservation) int { return cmp.Compare(revision(x), revision(y)) })
		baskets = append(baskets, b)
	}
	slices.SortFunc(baskets, func(a, b *basket) int {
		return cmp.Or(v1alpha1.CreatedAt(b.last()).Compare(v1alpha1.CreatedAt(a.last())), cmp.Compare(a.id, b.id))
	})
	return baskets
}

// revision is the number of a reservation in its basket, 0 when it is of none.
func revision(r *v1alpha1.StockReservation) int {
	number, of := strings.CutPrefix(r.Name, r.Labels[basketLabel]+"-")
	n, err := strconv.Atoi(number)
	if !of || err != nil || n < 1 || r.Spec.OrderRef != nil {
		return 0
	}
	return n
}

func (b *basket) last() *v1alpha1.StockReservation { return b.revisions[len(b.revisions)-1] }

func (b *basket) customer() string { return b.last().Spec.CustomerID }

// current is the reservation that counts: the last one that was granted; as long as
// none was, the last one.
func (b *basket) current() *v1alpha1.StockReservation {
	for _, r := range slices.Backward(b.revisions) {
		if r.Status.Phase != v1alpha1.ReservationPending && r.Status.Phase != v1alpha1.ReservationRejected {
			return r
		}
	}
	return b.last()
}

// change is the reservation that would take the place of the current one; nil when
// nothing is being decided.
func (b *basket) change() *v1alpha1.StockReservation {
	if last := b.last(); last != b.current() && last.Status.Phase == v1alpha1.ReservationPending {
		return last
	}
	return nil
}

func (b *basket) status() string { return basketStatus(b.current()) }

func basketStatus(r *v1alpha1.StockReservation) string {
	switch r.Status.Phase {
	case v1alpha1.ReservationReserved:
		return basketHeld
	case v1alpha1.ReservationRejected:
		return basketRejected
	case v1alpha1.ReservationCommitted, v1alpha1.ReservationRestocked:
		return basketOrdered
	case v1alpha1.ReservationReleased:
		return releasedStatus(r)
	default:
		return basketPending
	}
}

func releasedStatus(r *v1alpha1.StockReservation) string {
	reason := ""
	if n := len(r.Status.History); n > 0 {
		reason = r.Status.History[n-1].Reason
	}
	switch reason {
	case journal.ReasonExpired:
		return basketExpired
	case journal.ReasonTakenOver:
		return basketOrdered
	default:
		return basketReleased
	}
}

// isLive says whether the basket holds something, or may soon.
func (b *basket) isLive() bool {
	status := b.status()
	return status == basketHeld || status == basketPending || b.change() != nil
}

// endedBefore says whether the basket has held nothing since a time.
func (b *basket) endedBefore(t time.Time) bool {
	r := b.current()
	n := len(r.Status.History)
	return !b.isLive() && n > 0 && r.Status.History[n-1].At.Time.Before(t)
}

// superseded are the reservations that no longer matter.
func (b *basket) superseded() []*v1alpha1.StockReservation {
	return slices.DeleteFunc(slices.Clone(b.revisions), func(r *v1alpha1.StockReservation) bool {
		return r == b.current() || r.Status.Phase != v1alpha1.ReservationReleased && r.Status.Phase != v1alpha1.ReservationRejected
	})
}

// next is the reservation that gives the basket other lines.
func (b *basket) next(lines []v1alpha1.StockLine, expires time.Time) *v1alpha1.StockReservation {
	r := newRevision(b.id, max(revision(b.last()), b.going)+1, b.customer(), lines, expires)
	v1alpha1.MarkCreated(r, v1alpha1.CreatedAt(b.last()))
	if fingerprint := b.last().Annotations[v1alpha1.RequestFingerprintAnnotation]; fingerprint != "" {
		r.Annotations[v1alpha1.RequestFingerprintAnnotation] = fingerprint
	}
	if b.status() == basketHeld {
		r.Spec.TakeOver = &v1alpha1.ReservationReference{Name: b.current().Name}
	}
	return r
}

func newRevision(id string, n int, customer string, lines []v1alpha1.StockLine, expires time.Time) *v1alpha1.StockReservation {
	end := wholeSecond(expires)
	r := &v1alpha1.StockReservation{Spec: v1alpha1.StockReservationSpec{
		Lines: lines, CustomerID: customer, Intent: v1alpha1.IntentHold, ExpiresAt: &end,
	}}
	r.Name = fmt.Sprintf("%s-%d", id, n)
	r.Labels = map[string]string{basketLabel: id}
	return r
}

// wholeSecond is a time as the API server keeps it, in seconds. What was promised is
// not cut short.
func wholeSecond(t time.Time) metav1.Time {
	return metav1.NewTime(t.Add(time.Second - time.Nanosecond).Truncate(time.Second))
}

func basketView(b *basket) wire.Basket {
	r := b.current()
	view := wire.Basket{
		BasketId: b.id, CustomerId: b.customer(), Status: b.status(), Items: make([]wire.BasketItem, len(r.Spec.Lines)),
		PendingChange: b.change() != nil, CreatedAt: v1alpha1.CreatedAt(r).UTC().Truncate(time.Second),
	}
	if r.Spec.ExpiresAt != nil {
		view.ExpiresAt = r.Spec.ExpiresAt.UTC()
	}
	for i, line := range r.Spec.Lines {
		view.Items[i] = wire.BasketItem{ProductId: line.ProductID, Quantity: line.Quantity}
	}
	if view.Status == basketRejected {
		view.Shortages = shortages(r.Status.Shortages)
	}
	return view
}

func shortages(short []v1alpha1.StockShortage) []wire.Shortage {
	var views []wire.Shortage
	for _, s := range short {
		views = append(views, wire.Shortage{ProductId: s.ProductID, Requested: s.Requested, Available: s.Available, Reason: string(s.Reason)})
	}
	return views
}
