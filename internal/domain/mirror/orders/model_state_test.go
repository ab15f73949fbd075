package orders_test

import (
	"bytes"
	"math/bits"
	"unsafe"

	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
)

// The model: one order id in the cluster, its row, its events in the outbox and on the topics.
// A history is (identity, length). What stands in it is the ghost Text, which also says whether
// a number was given twice.

const (
	identities = 3
	mostText   = 6 // entries of a history

	// Entries of a history. returned+k is the answer to the k-th request.
	created, shipped, cancelled, rejected, returned = 1, 2, 3, 4, 8

	finOrder, finMirror = 1, 2
)

// object is an order in the cluster, or what a cache shows of it.
type object struct {
	UID  uint8 // 0 absent
	RV   uint8
	N    uint8 // entries in status.history
	Fin  uint8
	Del  uint8
	Lv   uint8 // annotation "leaving"
	Ret  uint8 // number of the last return request in spec
	Ship uint8
	Mark uint8 // annotation "unasked"
	Last uint8 // of a view: the object is gone, this was its end
}

// step is a uint8 for orders.Step.
type step uint8

var steps = [...]orders.Step{
	orders.Nothing, orders.Adopt, orders.ClearMark, orders.Refuse, orders.LetRefusedGo,
	orders.LetGo, orders.TakeOff, orders.MarkArchived, orders.Delete, "insert events",
}

const insertEvents step = 9

func stepOf(s orders.Step) step {
	for i := range steps {
		if steps[i] == s {
			return step(i)
		}
	}
	panic("the model knows no step " + s)
}

// mirror is one of two.
type mirror struct {
	View    object // what its cache shows, however old
	Applied uint8  // View was applied
	Behind  uint8  // the database was set back, and it has not noticed yet
	// A write that it is about to do, of the version UID and RV.
	Plan         step
	PUID, PRV, A uint8
	// A sweep: 1 row read, 2 object found absent.
	Sweep, SUID, SRV uint8
}

const (
	live, archived, gone = 0, 1, 2
)

var states = [...]orders.State{orders.Live, orders.Archived, orders.Gone}

func stateOf(s orders.State) uint8 {
	for i := range states {
		if states[i] == s {
			return uint8(i)
		}
	}
	panic("the model knows no state " + s)
}

// database is ops_orders: a row, events and outbox.
type database struct {
	UID, RV, Seq, St uint8
	Ins, Rel         [identities]uint8 // events inserted, and marked as published, by identity
}

// state is everything.
type state struct {
	Bad          problem
	Obj          object
	End          object // the last object that left the cluster
	M            [2]mirror
	DB, Backup   database
	HasBackup    uint8
	Gate         [2]uint8 // gateways: 1 archive asked, 2 could not ask
	Text         [identities][mostText]uint8
	Len          [identities]uint8
	Pub          [identities]uint8 // on the topics, without a gap
	Asked        [identities]uint8 // the last return request that was accepted
	PDel, Forced uint8             // identities deleted by a person, forced away
	Told, Shp    uint8             // identities of which an event was published; which were shipped
	DueN         uint8             // entries of which retention is over
	Restored     uint8             // the database was set back
	Lost         uint8             // identities that people had deleted, and mirrors let go, before that
	Refused      uint8             // identities that were deleted as repeats
	Rebuild      uint8
	UIDs         uint8
	B            budget
}

// budget is how often something may happen yet.
type budget struct {
	create, away, ret, reject, cancel, del, force, backup, restore, lost, topics, strip uint8
}

type problem uint8

const (
	fine problem = iota
	hasGap
	saysElse
	givenTwice
	leftUnmirrored
	intentVanished
	secondTold
	shippedTwice
	toldAgain
	skipped
	archivedShort
)

var problems = [...]string{
	"", "a topic has an entry whose predecessor it has not",
	"an event says something else than the history entry it is of",
	"a number of an order's history was given twice",
	"an order vanished with entries that are not in the database",
	"an accepted intent vanished with its order",
	"a second order under one id was told",
	"an order was shipped twice",
	"a rebuild told again what was told",
	"history entries were skipped",
	"an order is archived with entries that are not in the database",
}

func (s *state) fail(p problem) {
	if s.Bad == fine {
		s.Bad = p
	}
}

func bit(uid uint8) uint8 { return 1 << (uid - 1) }

func (s *state) entry(uid, n uint8) uint8 {
	if uid == 0 || n == 0 {
		return 0
	}
	return s.Text[uid-1][n-1]
}

// answered is how many return requests the first n entries answer.
func (s *state) answered(uid, n uint8) (k uint8) {
	for i := uint8(1); i <= n; i++ {
		if s.entry(uid, i) >= returned {
			k++
		}
	}
	return k
}

func (s *state) phase(o *object) uint8 { return s.entry(o.UID, o.N) }

func returnable(entry uint8) bool { return entry == shipped || entry == rejected }
func final(entry uint8) bool      { return returnable(entry) || entry == cancelled }

// touch gives the object the next resourceVersion.
func (s *state) touch() { s.Obj.RV = s.top() + 1 }

func (s *state) top() uint8 {
	top := max(s.Obj.RV, s.End.RV, s.DB.RV, s.Backup.RV)
	for m := range s.M {
		top = max(top, s.M[m].View.RV, s.M[m].PRV, s.M[m].SRV)
	}
	return top
}

// normalise ranks resourceVersions, which only compare, and sorts what is interchangeable.
func (w *world) normalise(s *state) {
	for m := range s.M {
		if s.M[m].Plan == 0 {
			s.M[m].PUID, s.M[m].PRV, s.M[m].A = 0, 0, 0
		}
	}
	at := [...]*uint8{
		&s.Obj.RV, &s.End.RV, &s.DB.RV, &s.Backup.RV,
		&s.M[0].View.RV, &s.M[0].PRV, &s.M[0].SRV, &s.M[1].View.RV, &s.M[1].PRV, &s.M[1].SRV,
	}
	var used uint64
	for _, p := range at {
		used |= 1 << *p
	}
	for _, p := range at {
		if *p != 0 {
			*p = uint8(bits.OnesCount64(used & (1<<(*p+1) - 2)))
		}
	}
	if w.mirrors == 2 && bytes.Compare(raw(&s.M[0]), raw(&s.M[1])) > 0 {
		s.M[0], s.M[1] = s.M[1], s.M[0]
	}
	if w.gates == 2 && s.Gate[0] > s.Gate[1] {
		s.Gate[0], s.Gate[1] = s.Gate[1], s.Gate[0]
	}
}

func raw[T any](p *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }
