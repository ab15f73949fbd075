package stock_test

import (
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
)

// tell puts the events of a decision into the outbox, under the lock of the cursor.
func (s *state) tell(i uint8) {
	if s.DB.Told&bit(i) != 0 {
		return
	}
	for j := uint8(0); j < i; j++ {
		if (s.Ever|s.Lost)&bit(j) == 0 && s.Forced>>s.Decisions[j].Object&1 == 0 {
			s.Wrong = outOfOrder
		}
	}
	s.DB.Told |= bit(i)
	s.Ever |= bit(i)
}

// knows is whether a mirror can see a decision: in the journal or on its object, in some view
// of it, or (now) in the newest.
func (s *state) knows(i uint8, now bool) bool {
	o := &s.Objects[s.Decisions[i].Object]
	return !now || s.Journal.Open&bit(i) != 0 || o.Exists == there && s.isShown(i, o.Shown, o.Trimmed)
}

// mayTell is whether a decision may be told next by a mirror that knows it.
func (w *world) mayTell(s *state, i uint8, now bool) bool {
	return w.rules.follows(int64(s.DB.Cursor), int64(s.Decisions[i].Seq)) && s.knows(i, now)
}

func (w *world) tellNext(s *state, i uint8) {
	s.tell(i)
	s.DB.Cursor = max(s.DB.Cursor, s.Decisions[i].Seq)
}

// needsSync asks the rule; the time that it waits may be over at any moment.
func (w *world) needsSync(s *state) bool {
	return w.rules.needsSync(int64(s.DB.Cursor), int64(s.Journal.Seq), stock.SyncAfter)
}

func (w *world) beginSync(s *state, m *mirror) {
	m.Sync, m.Cursor = 1, s.DB.Cursor
	if w.without.order {
		for o := range s.Objects {
			if s.Objects[o].Exists == there {
				m.Listed[o] = s.Objects[o].Shown
			}
		}
		return
	}
	m.Journal = s.Journal
}

// endSync lists, and tells what the rule says. Decisions that a history left out meanwhile are
// lost, as those of objects that were forced away.
func (w *world) endSync(s *state, m *mirror) {
	j := m.Journal
	if w.without.order {
		j = s.Journal
	}
	var found []event.Decision
	for i := uint8(0); i < s.Decided; i++ {
		o := &s.Objects[s.Decisions[i].Object]
		shown := o.Exists == there && s.isShown(i, o.Shown, o.Trimmed) && !w.without.lists
		if w.without.order {
			shown = m.Listed[s.Decisions[i].Object] > s.place(i)
		}
		if shown || j.Open&bit(i) != 0 && !w.without.journal {
			found = append(found, s.event(i))
		}
	}
	tell, cursor := w.rules.tells(stock.Sync{Cursor: int64(m.Cursor), Upto: int64(j.Seq)}, int64(s.DB.Cursor), found)
	for i := uint8(0); i < s.Decided; i++ {
		for _, d := range tell {
			if d.Seq == int64(s.Decisions[i].Seq) {
				s.tell(i)
			}
		}
		o := &s.Objects[s.Decisions[i].Object]
		if !s.isShown(i, o.Shown, o.Trimmed) && s.place(i) < o.Shown && int64(s.Decisions[i].Seq) <= cursor && s.DB.Told&bit(i) == 0 {
			s.Lost |= bit(i)
		}
	}
	s.DB.Cursor = uint8(cursor)
	m.Sync, m.Journal, m.Cursor, m.Listed = 0, journal{}, 0, [objects]uint8{}
}

// question is all that the rule about letting go is asked.
type question struct {
	view
	object    int
	cursor    uint8
	decisions [4]decision
}

// mayGo asks the rule about an object as a mirror sees it. An answer is kept: the same is
// asked in many states.
func (w *world) mayGo(s *state, o int, v *view) bool {
	q := question{view: *v, object: o, cursor: s.DB.Cursor}
	for p := range v.Shown {
		q.decisions[p] = s.Decisions[s.Objects[o].By[p]]
	}
	may, asked := w.answers[q]
	if !asked {
		if o == document {
			may = w.rules.mayLetGoDocument(s.adjustment(v), int64(s.DB.Cursor))
		} else {
			may = w.rules.mayLetGoReservation(s.reservation(o, v), int64(s.DB.Cursor))
		}
		w.answers[q] = may
	}
	return may
}

func (w *world) letGo(s *state, m *mirror) {
	x := &s.Objects[m.Seen-1]
	if x.Exists == there && (x.Version == m.View.Version || w.without.fence) {
		x.view = view{Exists: gone, Shown: x.Shown, Trimmed: x.Trimmed}
	}
	m.Seen, m.View = 0, view{}
}

// mirror has one do one thing that is due.
func (w *world) mirror(s *state, m *mirror) bool {
	for i := range s.Decided {
		if w.mayTell(s, i, true) {
			w.tellNext(s, i)
			return true
		}
	}
	if m.Sync == 1 {
		w.endSync(s, m)
		return true
	}
	if w.needsSync(s) {
		w.beginSync(s, m)
		return true
	}
	if m.Seen != 0 && w.mayGo(s, int(m.Seen)-1, &m.View) {
		w.letGo(s, m)
		return true
	}
	for o := range s.Objects {
		v := s.Objects[o].view
		if v.Exists == there && v.Deleted == 1 && (int(m.Seen) != o+1 || m.View != v) && w.mayGo(s, o, &v) {
			m.Seen, m.View = uint8(o)+1, v
			return true
		}
	}
	return false
}
