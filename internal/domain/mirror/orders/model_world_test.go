package orders_test

// config is what happens in a world.
type config struct {
	name    string
	mirrors int
	gates   int
	named   bool // ids are chosen by people, not made from idempotency keys
	due     bool // retention can be over
	sweep   bool
	ends    bool // caches may show the end of what vanished
	bare    bool // what people name is made without finalizers
	late    bool // mirrors notice later that the database was set back
	b       budget
	first   func(*state) // where it begins; with nothing when nil
}

// removed are rules that are not there.
type removed struct {
	newestOnly, noGuard, twoTx, lateRender, keepMemory    bool
	noFinalizer, mirrorFirst, dropUnfenced, uncommitted   bool
	unmirrored, deleteFirst, deleteUnfenced, noReFin      bool
	noBackup, noAsk, noRefuse, noMark, shortDelay         bool
	sweepCache, sweepOrder, sweepArchives, sweepUnguarded bool
	refuseUnfenced, unmarked                              bool
	endIsLive, endUnguarded, endUnarchives, adoptLeaving  bool
	noAdopt                                               bool
	rebuildAll, rebuildNone, trimmed                      bool
}

// world is a configuration without some rules. Its methods are what happens in it.
type world struct {
	config
	without removed
}

// isRepeat says in the ghosts' words that an identity was refused.
func (s *state) isRepeat(uid uint8) bool {
	return s.DB.UID != 0 && s.DB.UID != uid && s.DB.Ins[uid-1] == 0
}

// exempt are orders of which entries may be lost: forced away, or deleted after the backup,
// or a repeat of one that the database had then.
func (s *state) exempt(uid uint8) bool {
	return (s.Forced|s.Lost)&bit(uid) != 0 || s.Restored == 1 && s.Refused&bit(uid) != 0
}

// vanish takes the object out of etcd.
func (w *world) vanish(s *state) {
	o := &s.Obj
	if !s.exempt(o.UID) && !s.isRepeat(o.UID) {
		if o.N > s.DB.Ins[o.UID-1] {
			s.fail(leftUnmirrored)
		}
		if o.Ret > s.answered(o.UID, s.Len[o.UID-1]) && s.PDel&bit(o.UID) == 0 {
			s.fail(intentVanished)
		}
	}
	if w.ends {
		s.End = *o
		s.End.RV, s.End.Last = s.top()+1, 1
	}
	*o = object{}
}

// remove is a DELETE.
func (w *world) remove(s *state) {
	if s.Obj.Fin == 0 {
		w.vanish(s)
	} else if s.Obj.Del == 0 {
		s.Obj.Del = 1
		s.touch()
	}
}

// happened has the order controller append to the history.
func (s *state) happened(entry uint8) {
	o := &s.Obj
	if o.N >= mostText {
		panic("history is full: lower the budgets")
	}
	if entry == shipped {
		if s.Shp != 0 && s.PDel == 0 && s.Forced == 0 {
			s.fail(shippedTwice)
		}
		s.Shp |= bit(o.UID)
	}
	if o.N < s.Len[o.UID-1] {
		s.fail(givenTwice)
	} else {
		s.Text[o.UID-1][o.N] = entry
		s.Len[o.UID-1]++
	}
	o.N++
	s.touch()
}

func (w *world) makeObject(s *state, mark, fin uint8) {
	if w.without.noFinalizer {
		fin &^= finMirror
	}
	if w.without.noMark {
		mark = 0
	}
	s.UIDs++
	s.Obj = object{UID: s.UIDs, Fin: fin, N: 1, Mark: mark}
	s.Text[s.UIDs-1][0], s.Len[s.UIDs-1] = created, 1
	s.touch()
}

// controller does the order controller's next write, if there is one. Its writes are fenced by
// the resourceVersion, so what it does is decided on what is there.
func (w *world) controller(s *state) string {
	o := &s.Obj
	switch {
	case o.UID == 0:
		return ""
	case o.Del == 1:
		return w.controlDeleted(s)
	}
	var due uint8
	switch p := s.phase(o); {
	case p == created && o.Ship == 1 && o.Mark == 0:
		due = shipped
	case returnable(p) && o.Ret > s.answered(o.UID, o.N):
		due = returned + o.Ret
	default:
		return ""
	}
	if o.Lv == 1 && !w.without.noReFin {
		o.Fin, o.Lv = finOrder|finMirror, 0
		s.touch()
		return "controller: puts the finalizers back"
	}
	s.happened(due)
	return "controller: appends to the history"
}

func (w *world) controlDeleted(s *state) string {
	o := &s.Obj
	if o.Fin&finOrder == 0 {
		return ""
	}
	if s.phase(o) == created {
		s.happened(cancelled)
		return "controller: cancels a deleted order"
	}
	o.Fin &^= finOrder
	s.touch()
	if o.Fin == 0 {
		w.vanish(s)
	}
	return "controller: lets a deleted order go"
}

// relay publishes the oldest event that is not marked, and marks it.
func (w *world) relay(s *state) bool {
	for uid := uint8(1); uid <= identities; uid++ {
		i := uid - 1
		if s.DB.Rel[i] >= s.DB.Ins[i] {
			continue
		}
		n := s.DB.Rel[i] + 1
		switch {
		case n > s.Pub[i]+1:
			s.fail(hasGap)
		case n == s.Pub[i]+1:
			s.Pub[i]++
		case s.Rebuild == 1:
			s.fail(toldAgain)
		}
		s.DB.Rel[i] = n
		s.Told |= bit(uid)
		others := s.Told &^ bit(uid)
		if others != 0 && s.Forced == 0 && !(s.PDel != 0 && s.Restored == 1) && (!w.named || others&^s.PDel != 0) {
			s.fail(secondTold)
		}
		return true
	}
	return false
}
