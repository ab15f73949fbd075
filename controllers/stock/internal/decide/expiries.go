package decide

import (
	"container/heap"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// expiries knows which reservation runs out next. A reservation whose
// expiresAt moved is in the heap more than once; only the time in at counts.
type expiries struct {
	heap expiryHeap
	at   map[types.UID]time.Time
}

type expiry struct {
	at   time.Time
	name string
	uid  types.UID
}

func (x *expiries) clear() { x.heap, x.at = nil, map[types.UID]time.Time{} }

// track notes when a reservation runs out, as long as it can.
func (x *expiries) track(r *v1alpha1.StockReservation, phase v1alpha1.StockReservationPhase) {
	ends := r.Spec.ExpiresAt != nil && (phase == v1alpha1.ReservationPending || phase == v1alpha1.ReservationReserved)
	if !ends {
		delete(x.at, r.UID)
		return
	}
	if at := r.Spec.ExpiresAt.Time; !x.at[r.UID].Equal(at) {
		x.at[r.UID] = at
		heap.Push(&x.heap, expiry{at: at, name: r.Name, uid: r.UID})
	}
}

// take removes and returns one that ran out by now.
func (x *expiries) take(now time.Time) (e expiry, ok bool) {
	for len(x.heap) > 0 && !now.Before(x.heap[0].at) {
		e = heap.Pop(&x.heap).(expiry)
		if at, tracked := x.at[e.uid]; tracked && at.Equal(e.at) {
			delete(x.at, e.uid)
			return e, true
		}
	}
	return expiry{}, false
}

// putBack returns what was taken and could not be looked at.
func (x *expiries) putBack(e expiry) {
	x.at[e.uid] = e.at
	heap.Push(&x.heap, e)
}

// next is when the next one runs out; ok is false when none does.
func (x *expiries) next() (at time.Time, ok bool) {
	if len(x.heap) == 0 {
		return time.Time{}, false
	}
	return x.heap[0].at, true
}

type expiryHeap []expiry

func (h expiryHeap) Len() int           { return len(h) }
func (h expiryHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h expiryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *expiryHeap) Push(v any)        { *h = append(*h, v.(expiry)) }
func (h *expiryHeap) Pop() any {
	last := len(*h) - 1
	v := (*h)[last]
	*h = (*h)[:last]
	return v
}
