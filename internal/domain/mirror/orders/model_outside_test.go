package orders_test

import "github.com/orderplane/orderplane/internal/domain/mirror/orders"

// outside is what clients, people, time and disasters do.
func (w *world) outside(s *state, do func(string, func(*state))) {
	for g := 0; g < w.gates; g++ {
		w.gateway(s, g, do)
	}
	w.people(s, do)
	if s.Obj.UID != 0 {
		w.clients(s, do)
	}
	w.disasters(s, do)
}

func (w *world) gateway(s *state, g int, do func(string, func(*state))) {
	b := s.B
	switch s.Gate[g] {
	case 0:
		if b.create > 0 && (s.DB.UID == 0 || w.without.noAsk) && s.UIDs < identities {
			do("gateway: asks the archive: no such id", func(t *state) { t.Gate[g] = 1; t.B.create-- })
		}
		if b.create > 0 && b.away > 0 && s.UIDs < identities {
			do("gateway: can't ask the archive", func(t *state) { t.Gate[g] = 2; t.B.create--; t.B.away-- })
		}
	default:
		do("gateway: creates the order", func(t *state) {
			mark := t.Gate[g] - 1
			t.Gate[g] = 0
			if t.Obj.UID == 0 && t.UIDs < identities {
				w.makeObject(t, mark, finOrder|finMirror)
			}
		})
	}
}

func (w *world) people(s *state, do func(string, func(*state))) {
	o, b := &s.Obj, s.B
	if w.named && b.create > 0 && o.UID == 0 && s.UIDs < identities {
		do("person: creates an order of that name", func(t *state) {
			t.B.create--
			fin := uint8(finOrder | finMirror)
			if w.bare {
				fin = 0
			}
			w.makeObject(t, 1, fin)
		})
	}
	if o.UID == 0 {
		return
	}
	creating := s.Gate[0] != 0 || s.Gate[1] != 0
	if b.del > 0 && o.Del == 0 && !creating {
		do("person: deletes the order", func(t *state) {
			t.PDel |= bit(o.UID)
			t.B.del--
			if t.Obj.Fin&finMirror == 0 && t.Obj.Lv == 0 && !w.without.noFinalizer { // what the mirror has not adopted is as it was without one
				t.Forced |= bit(o.UID)
			}
			w.remove(t)
		})
	}
	if b.force > 0 {
		do("person: forces the order away", func(t *state) { t.Forced |= bit(o.UID); t.B.force--; w.vanish(t) })
	}
	if b.strip > 0 && o.Del == 0 && o.Fin == finOrder|finMirror {
		do("person: takes the finalizers off", func(t *state) { t.Obj.Fin = 0; t.touch(); t.B.strip-- })
	}
}

func (w *world) clients(s *state, do func(string, func(*state))) {
	o, b := &s.Obj, s.B
	p := s.phase(o)
	if p == created && o.Ship == 0 && o.Del == 0 {
		do("client: asks for shipment", func(t *state) { t.Obj.Ship = 1; t.touch() })
		if b.cancel > 0 {
			do("controller: cancels", func(t *state) { t.happened(cancelled); t.B.cancel-- })
		}
	}
	if returnable(p) && o.Ret == s.answered(o.UID, o.N) && b.ret > 0 && s.PDel&bit(o.UID) == 0 {
		do("client: asks for a return", func(t *state) {
			t.Obj.Ret++
			t.Asked[o.UID-1] = max(t.Asked[o.UID-1], t.Obj.Ret)
			t.touch()
			t.B.ret--
		})
	}
	if p >= returned && b.reject > 0 && o.Del == 0 {
		do("controller: rejects the return", func(t *state) { t.happened(rejected); t.B.reject-- })
	}
	if w.due && final(p) && o.N > s.DueN {
		do("time: retention is over", func(t *state) { t.DueN = o.N })
	}
}

func (w *world) disasters(s *state, do func(string, func(*state))) {
	b := s.B
	if b.backup > 0 {
		do("backup", func(t *state) { t.Backup, t.HasBackup = t.DB, 1; t.B.backup-- })
	}
	if b.restore > 0 && s.HasBackup == 1 {
		do("the database is set back to the backup", func(t *state) {
			t.DB = t.Backup
			w.reconnect(t)
			t.Restored = 1
			t.Lost |= t.PDel &^ t.notLetGo()
			t.B.restore--
		})
	}
	if b.lost > 0 {
		do("the database is lost, a rebuild begins", func(t *state) {
			t.DB = database{}
			w.reconnect(t)
			t.Rebuild = 1
			t.B.lost--
		})
	}
	if b.topics > 0 {
		do("the topics are lost, order_events are told again", func(t *state) {
			t.Pub = [identities]uint8{}
			if !w.without.trimmed {
				t.DB.Rel = [identities]uint8{}
			}
			t.B.topics--
		})
	}
}

// notLetGo is the order that no mirror has decided to let go yet.
func (s *state) notLetGo() uint8 {
	if s.Obj.UID == 0 {
		return 0
	}
	for m := range s.M {
		if s.M[m].PUID == s.Obj.UID && steps[s.M[m].Plan] == orders.LetGo {
			return 0
		}
	}
	return bit(s.Obj.UID)
}

// reconnect ends what mirrors remember of what they applied.
func (w *world) reconnect(s *state) {
	for m := range s.M {
		switch {
		case w.without.keepMemory:
		case w.late:
			s.M[m].Behind = 1
		default:
			s.M[m].Applied = 0
		}
	}
}
