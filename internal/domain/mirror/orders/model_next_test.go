package orders_test

// next emits all that may happen.
func (w *world) next(s *state, emit func(string, *state)) {
	if s.Bad != fine {
		return
	}
	do := func(name string, f func(t *state)) {
		t := *s
		f(&t)
		w.normalise(&t)
		if t != *s {
			emit(name, &t)
		}
	}
	w.outside(s, do)
	if t := *s; w.controller(&t) != "" {
		u := *s
		name := w.controller(&u)
		w.normalise(&t)
		emit(name, &t)
	}
	do("relay: publishes", func(t *state) { w.relay(t) })
	for m := 0; m < w.mirrors; m++ {
		w.nextMirror(s, m, do)
		if w.sweep {
			w.nextSweep(s, m, do)
		}
	}
}

func (w *world) nextMirror(s *state, m int, do func(string, func(*state))) {
	mi := &s.M[m]
	if mi.View != s.Obj && (mi.View.Last == 0 || s.Obj.UID != 0) {
		do("mirror: its cache comes up to date", func(t *state) { t.M[m].View, t.M[m].Applied = t.Obj, 0 })
	}
	if mi.View.UID != 0 && mi.View.Last == 0 && s.End.UID == mi.View.UID {
		do("mirror: its cache shows the end of the order", func(t *state) { t.M[m].View, t.M[m].Applied = t.End, 0 })
		do("mirror: its cache shows that the order is gone", func(t *state) { t.M[m].View.Last, t.M[m].Applied = 1, 0 })
	}
	if mi.View.UID != 0 && mi.Applied == 0 {
		do("mirror: applies what it sees", func(t *state) { w.apply(t, m) })
	}
	if mi.View.UID != 0 && (mi.Applied == 1 || w.without.unmirrored) && mi.Plan == 0 {
		u := *s
		if name := w.plan(&u, m); name != "" {
			do("mirror: "+name, func(t *state) { w.plan(t, m) })
		}
	}
	if mi.Behind == 1 {
		do("mirror: notices that the database was set back", func(t *state) { t.M[m].Behind, t.M[m].Applied = 0, 0 })
	}
	if mi.Plan != 0 {
		do("mirror: does the planned write", func(t *state) { w.write(t, m) })
	}
	if mi.Plan != 0 || mi.Sweep != 0 || mi.View.Last == 1 {
		do("mirror: crashes", func(t *state) { t.M[m] = mirror{} })
	}
}

func (w *world) nextSweep(s *state, m int, do func(string, func(*state))) {
	mi := &s.M[m]
	absent := s.Obj.UID == 0
	if w.without.sweepCache {
		absent = mi.View.UID == 0
	}
	readRow := func(to uint8) {
		if s.DB.UID != 0 && s.DB.St == live {
			do("mirror: sweep reads the row", func(t *state) { t.M[m].Sweep, t.M[m].SUID, t.M[m].SRV = to, t.DB.UID, t.DB.RV })
		}
	}
	findAbsent := func(to uint8) {
		if absent {
			do("mirror: sweep finds no object", func(t *state) { t.M[m].Sweep = to })
		}
	}
	switch {
	case mi.Sweep == 2:
		do("mirror: sweep marks the row", func(t *state) { w.endSweep(t, m) })
	case mi.Sweep == 0 && w.without.sweepOrder:
		findAbsent(1)
	case mi.Sweep == 0:
		readRow(1)
	case w.without.sweepOrder:
		readRow(2)
	default:
		findAbsent(2)
	}
}

// rest leaves the system to itself, twice: with a mirror that has just started, and with one
// that goes on with what it remembers.
func (w *world) rest(s *state) string {
	fresh, goesOn := *s, *s
	fresh.M[0] = mirror{}
	if p := w.settle(&fresh); p != "" {
		return p
	}
	return w.settle(&goesOn)
}

// settle is what must happen by itself: one mirror, one relay, the controller.
func (w *world) settle(s *state) string {
	s.M[1], s.Gate = mirror{}, [2]uint8{}
	mi := &s.M[0]
	for range 200 {
		switch {
		case w.controller(s) != "":
		case mi.Behind == 1:
			mi.Behind, mi.Applied = 0, 0
		case mi.View != s.Obj && mi.View.Last == 0:
			mi.View, mi.Applied = s.Obj, 0
		case mi.View.UID != 0 && mi.Applied == 0:
			w.apply(s, 0)
		case mi.Plan != 0:
			w.write(s, 0)
		case mi.View.UID != 0 && w.plan(s, 0) != "":
		case s.Obj.UID == 0 && s.DB.UID != 0 && s.DB.St == live:
			mi.SUID, mi.SRV = s.DB.UID, s.DB.RV
			w.endSweep(s, 0)
		case w.relay(s):
		default:
			return w.wrongAtRest(s)
		}
		if s.Bad != fine {
			return problems[s.Bad]
		}
	}
	return "it never comes to rest"
}

func (w *world) wrongAtRest(s *state) string {
	o, d := &s.Obj, &s.DB
	there := o.UID != 0
	switch {
	case there && o.Del == 1:
		return "a deleted order never goes"
	case there && d.UID != o.UID:
		return "an order is neither mirrored nor refused"
	case there && o.Mark == 1:
		return "a mark is never cleared"
	case there && o.Lv == 0 && o.Fin != finOrder|finMirror && !w.without.noFinalizer:
		return "an order is never adopted"
	case there && (d.Seq != o.N || d.St != live):
		return "the row is not what the object is"
	case !there && d.UID != 0 && d.St == live:
		return "the row says there is an order where none is"
	case !there && d.UID != 0 && d.Seq != s.Len[d.UID-1] && !s.exempt(d.UID):
		return "the row is not what the object was"
	case !there && d.UID != 0 && d.St == archived && d.Seq < s.Len[d.UID-1] && s.Forced&bit(d.UID) == 0:
		return "an archived order is not complete"
	case !there && d.UID != 0 && d.St == gone && (s.PDel|s.Forced|s.Refused)&bit(d.UID) == 0 && !(s.Restored == 1 && w.due):
		return "an order is gone that nobody deleted"
	}
	for uid := uint8(1); uid <= s.UIDs; uid++ {
		if s.exempt(uid) || s.isRepeat(uid) {
			continue
		}
		if s.Pub[uid-1] != s.Len[uid-1] {
			return "an entry never reaches its topic"
		}
		if s.Asked[uid-1] > s.answered(uid, s.Len[uid-1]) && s.PDel&bit(uid) == 0 {
			return "an accepted intent was lost"
		}
	}
	return ""
}
