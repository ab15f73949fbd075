package stock_test

// due are the decisions that the leader may make about an object. What it sees may be old, so a
// deletion may not have reached it yet; must leaves out what only an old view allows.
func (w *world) due(s *state, o int, must bool) (kinds []uint8) {
	x := &s.Objects[o]
	if x.Exists != there {
		return nil
	}
	switch last := s.last(o, x.Made); {
	case o == document && last == 0:
		if x.Deleted == 0 || !must {
			kinds = append(kinds, adjust)
		}
		if x.Deleted == 1 && !w.without.withdrawals {
			kinds = append(kinds, withdraw)
		}
	case o == document:
	case last == 0:
		if x.Deleted == 0 || !must {
			kinds = append(kinds, grant)
		}
		if x.Deleted == 1 {
			kinds = append(kinds, release)
		}
	case last == grant:
		if x.Intent != hold {
			kinds = append(kinds, commit)
		} else if x.Deleted == 1 {
			kinds = append(kinds, release)
		}
	case last == commit && x.Intent == giveBack, last == restock && s.restocks(o, x.Made) < x.Back:
		kinds = append(kinds, restock)
	}
	return kinds
}

// decide makes a decision: one swap of the journal. A basket that is taken over is released in
// the swap that grants its taker, right before that.
func (w *world) decide(s *state, o int, kind uint8) {
	if b := &s.Objects[basket]; w.takeOver && o == order && kind == grant && b.Exists == there && s.last(basket, b.Made) == grant {
		w.decideOne(s, basket, release)
	}
	w.decideOne(s, o, kind)
}

func (w *world) decideOne(s *state, o int, kind uint8) {
	if s.Decided == mostDecisions {
		panic("too many decisions: lower the budgets")
	}
	x := &s.Objects[o]
	s.Journal.Seq++
	s.Decisions[s.Decided] = decision{s.Journal.Seq, uint8(o), kind}
	s.Journal.Open |= bit(s.Decided)
	x.By[x.Made] = s.Decided
	x.Made++
	s.Decided++
}

// mayMove, mayShow and mayDrop are what the leader may do about a decision that is open: have
// the item take it in, show it on its object, and take it out of the journal.
func (s *state) mayMove(i uint8) bool {
	for j := uint8(0); j < i; j++ {
		if moves(s.Decisions[j].Kind) && s.Moved&bit(j) == 0 {
			return false
		}
	}
	return moves(s.Decisions[i].Kind) && s.Moved&bit(i) == 0 && s.Journal.Open&bit(i) != 0
}

func (s *state) mayShow(o int) bool {
	x := &s.Objects[o]
	return x.Exists == there && x.Shown < x.Made && s.Journal.Open&bit(x.By[x.Shown]) != 0
}

func (s *state) mayDrop(i uint8) bool {
	x := &s.Objects[s.Decisions[i].Object]
	return s.Journal.Open&bit(i) != 0 && (x.Exists != there || x.Shown > s.place(i)) && (!moves(s.Decisions[i].Kind) || s.Moved&bit(i) != 0)
}

// show puts the next decision on its object. A history of limited length leaves its oldest
// restock out then, once there are two.
func (w *world) show(s *state, o int) {
	x := &s.Objects[o]
	x.Shown++
	x.Version++
	if w.trims && s.restocks(o, x.Shown) == 2 {
		x.Trimmed = 1
	}
}

// remake is a journal that somebody deleted at rest, made again: numbered from the clock, far
// above all there was; or, in a mutant, behind what is found in the lists.
func (w *world) remake(s *state) {
	s.Journal = journal{Seq: 100}
	if !w.without.newNumbers {
		return
	}
	s.Journal.Seq = 0
	for i := uint8(0); i < s.Decided; i++ {
		if s.Objects[s.Decisions[i].Object].Exists == there || s.Moved&bit(i) != 0 {
			s.Journal.Seq = max(s.Journal.Seq, s.Decisions[i].Seq)
		}
	}
}

// lead has the leader do one thing that is due.
func (w *world) lead(s *state) bool {
	for o := range s.Objects {
		if w.objects>>o&1 == 0 {
			continue
		}
		if s.mayShow(o) {
			w.show(s, o)
			return true
		}
		if kinds := w.due(s, o, true); len(kinds) > 0 {
			w.decide(s, o, kinds[0])
			return true
		}
	}
	for i := uint8(0); i < s.Decided; i++ {
		if s.mayMove(i) {
			s.Moved |= bit(i)
			return true
		}
		if s.mayDrop(i) {
			s.Journal.Open &^= bit(i)
			return true
		}
	}
	return false
}
