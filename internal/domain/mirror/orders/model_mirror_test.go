package orders_test

import (
	"time"

	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
)

// What the mirror does in the model: it calls the rules.

var names = [...]string{"", "first", "second", "third"}

func (w *world) version(v *object) orders.Version {
	fin := v.Fin
	if w.without.noFinalizer {
		fin |= finMirror // nobody misses it
	}
	return orders.Version{
		UID: names[v.UID], Identity: names[v.UID], RV: int64(v.RV), Entries: int64(v.N),
		Last: v.Last == 1, Deleting: v.Del == 1, Leaving: v.Lv == 1, Unasked: v.Mark == 1, ByGateway: !w.named,
		OrderFinalizer: fin&finOrder != 0, MirrorFinalizer: fin&finMirror != 0,
	}
}

func (d *database) row() orders.Row {
	if d.UID == 0 {
		return orders.Row{}
	}
	return orders.Row{Identity: names[d.UID], RV: int64(d.RV), Seq: int64(d.Seq), State: states[d.St]}
}

func (d *database) set(r orders.Row, uid uint8) {
	d.UID, d.RV, d.Seq, d.St = uid, uint8(r.RV), uint8(r.Seq), stateOf(r.State)
}

// apply is one transaction of ops_orders: the row and its events.
func (w *world) apply(s *state, m int) {
	mi := &s.M[m]
	mi.Applied = 1
	v, row := w.version(&mi.View), s.DB.row()
	was := row
	if w.without.noGuard && row.Identity == v.Identity {
		row.RV, row.Seq = 0, 0
	}
	if w.without.noRefuse {
		v.ByGateway = false
		if row.State == orders.Archived {
			row.State = orders.Live
		}
	}
	if w.without.endUnarchives && v.Last && row.State == orders.Archived {
		row.State = orders.Live
	}
	if w.without.endUnguarded && v.Last && row.Identity == v.Identity {
		row.RV, row.Seq, row.State = 0, 0, orders.Live
	}
	if w.without.endIsLive {
		v.Last = false
	}
	applied := orders.Apply(row, v)
	switch {
	case !applied.Counts:
	case w.without.deleteFirst && mi.View.Del == 1 && was.Identity == v.Identity:
		applied.Row.State = was.State
		fallthrough
	default:
		s.DB.set(applied.Row, mi.View.UID)
		if w.without.twoTx && was.Identity == v.Identity {
			if applied.Grown && mi.Plan == 0 {
				mi.Plan, mi.A, mi.PUID = insertEvents, mi.View.N, mi.View.UID
			}
			break
		}
		w.insert(s, &mi.View, uint8(applied.After))
	}
	if mi.View.Last == 1 {
		mi.View, mi.Applied = object{}, 0
	}
}

// insert puts the events behind a number into order_events and the outbox.
func (w *world) insert(s *state, v *object, after uint8) {
	ins := &s.DB.Ins[v.UID-1]
	if after > *ins || w.without.newestOnly && v.N > *ins+1 {
		s.fail(skipped)
	}
	for n := *ins + 1; n <= v.N; n++ {
		if w.without.lateRender && s.entry(v.UID, n) >= returned && s.entry(v.UID, n) != returned+v.Ret {
			s.fail(saysElse) // status.return, which the next request overwrites
		}
	}
	*ins = max(*ins, v.N)
	if s.Rebuild == 1 && !w.without.rebuildAll { // what the topics have already is not told again
		s.DB.Rel[v.UID-1] = max(s.DB.Rel[v.UID-1], min(*ins, s.Pub[v.UID-1]))
		if w.without.rebuildNone {
			s.DB.Rel[v.UID-1] = *ins
		}
	}
}

// archivable asks the rule. Time is in it as two facts: the row was in a backup since it has its
// entries, and who asked the archive before that has created its order, or given up.
func (w *world) archivable(s *state, v *object, row orders.Row) bool {
	const delay = time.Hour
	a := orders.Archiving{Delay: delay, ReservationTold: true}
	atRest := final(s.phase(v)) && v.Ret <= s.answered(v.UID, v.N)
	a.Judged = w.due && v.N <= s.DueN && atRest
	backedUp := w.without.noBackup || s.HasBackup == 1 && s.Backup.UID == v.UID && s.Backup.Seq == v.N
	nobodyAsks := w.without.shortDelay || s.Gate[0] != 1 && s.Gate[1] != 1
	if backedUp && nobodyAsks {
		a.Now = row.MirroredAt.Add(delay)
	}
	return a.Due(row)
}

// plan looks at the row and decides about a write to the cluster, which comes later; or marks
// the row. It says what it decided.
func (w *world) plan(s *state, m int) string {
	mi := &s.M[m]
	v, row := w.version(&mi.View), s.DB.row()
	mayArchive := w.archivable(s, &mi.View, row)
	w.blind(s, &row, &v, &mayArchive)
	next := orders.Plan(row, v, mayArchive)
	switch {
	case w.without.noRefuse && (next == orders.Refuse || next == orders.LetRefusedGo), w.without.noAdopt && next == orders.Adopt:
		return ""
	case w.without.deleteFirst && next == orders.TakeOff:
		next = orders.Delete
		s.DB.St = archived
	case w.without.unmarked && next == orders.MarkArchived:
		next = orders.Delete
	case w.without.deleteFirst && next == orders.LetGo && s.DB.St == archived:
		next = orders.LetRefusedGo // it leaves the row as it is
	}
	if next == orders.Nothing {
		return ""
	}
	if to, marks := next.Marks(); marks && s.DB.UID == mi.View.UID {
		s.DB.St = stateOf(to)
		if next == orders.MarkArchived && s.DB.Ins[s.DB.UID-1] < s.Len[s.DB.UID-1] && s.Obj.UID != s.DB.UID && !s.exempt(s.DB.UID) {
			s.fail(archivedShort)
		}
		if next == orders.MarkArchived {
			return "plans " + string(next)
		}
	}
	mi.Plan, mi.PUID, mi.PRV = stepOf(next), mi.View.UID, mi.View.RV
	return "plans " + string(next)
}

// blind keeps from a rule what it looks at, for the rules that are removed.
func (w *world) blind(s *state, row *orders.Row, v *orders.Version, mayArchive *bool) {
	switch {
	case w.without.mirrorFirst && v.Deleting:
		v.OrderFinalizer = false
	case w.without.uncommitted && v.Deleting:
		row.RV, row.Seq = v.RV, v.Entries
	case w.without.unmirrored && *mayArchive:
		row.Identity, row.RV, row.Seq = v.Identity, v.RV, v.Entries
	case w.without.adoptLeaving && !v.Deleting:
		v.Leaving = false
	case w.without.noAdopt && !v.Deleting:
		if !v.Leaving && s.DB.UID != 0 && names[s.DB.UID] == v.Identity { // it goes on with what else there is
			v.OrderFinalizer, v.MirrorFinalizer = true, true
		}
	}
}

// write does the planned write: fenced by uid and resourceVersion, so it counts or it does not.
func (w *world) write(s *state, m int) {
	mi, o := &s.M[m], &s.Obj
	plan, uid, rv, arg := mi.Plan, mi.PUID, mi.PRV, mi.A
	mi.Plan, mi.PUID, mi.PRV, mi.A = 0, 0, 0, 0
	if plan == insertEvents {
		if s.DB.UID == uid {
			w.insert(s, &object{UID: uid, N: arg}, s.DB.Ins[uid-1])
		}
		return
	}
	if o.UID == 0 || o.UID != uid {
		return
	}
	fenced := o.RV == rv
	if !fenced && !w.writesUnfenced(steps[plan], o) {
		return
	}
	if fenced && steps[plan] == orders.Refuse {
		s.Refused |= bit(uid)
	}
	switch steps[plan] {
	case orders.Adopt:
		o.Fin = finOrder | finMirror
		s.touch()
	case orders.ClearMark:
		o.Mark = 0
		s.touch()
	case orders.TakeOff:
		o.Fin, o.Lv = 0, 1
		s.touch()
	case orders.LetGo, orders.LetRefusedGo:
		o.Fin &^= finMirror
		s.touch()
		if o.Fin == 0 {
			w.vanish(s)
		}
	case orders.Refuse, orders.Delete:
		w.remove(s)
	}
}

// writesUnfenced says that a write counts whatever the version, since a rule is removed.
func (w *world) writesUnfenced(next orders.Step, o *object) bool {
	switch next {
	case orders.TakeOff:
		return w.without.dropUnfenced && o.Del == 0
	case orders.Refuse:
		return w.without.refuseUnfenced
	case orders.Delete:
		return w.without.deleteUnfenced
	default:
		return false
	}
}

// endSweep marks a row whose order was not found.
func (w *world) endSweep(s *state, m int) {
	mi, d := &s.M[m], &s.DB
	now := d.row()
	read := orders.Row{Identity: names[mi.SUID], RV: int64(mi.SRV), Seq: now.Seq, State: orders.Live}
	if w.without.sweepUnguarded {
		read = now
	}
	if orders.Sweep(read, now) {
		d.St = gone
		if w.without.sweepArchives && final(s.entry(d.UID, d.Seq)) {
			d.St = archived
		}
	}
	mi.Sweep, mi.SUID, mi.SRV = 0, 0, 0
}
