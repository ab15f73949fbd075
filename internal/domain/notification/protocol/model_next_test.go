package protocol

import (
	"errors"

	"github.com/orderplane/orderplane/internal/domain/notification"
)

// What can be wrong.
const (
	outOfOrder uint8 = iota + 1
	tooOften
	tooOld
	notSent
)

func problems() map[uint8]string {
	return map[uint8]string{
		outOfOrder: "a customer is told what happened later first", tooOften: "a customer is told twice, and nobody died or lost a claim while sending",
		tooOld: "a customer is told what is long over", notSent: "a message counts as delivered that nobody got",
	}
}

func (m *model) next(s *state, emit func(string, *state)) {
	if s.Bad != 0 {
		return
	}
	do := func(step string, f func(t *state)) {
		t := *s
		f(&t)
		m.normalise(&t)
		if t != *s {
			emit(step, &t)
		}
	}
	m.outside(s, do)
	for n := range s.N {
		if n < m.intakes {
			m.intake(s, n, do)
		}
		if n < m.senders {
			m.life(s, n, do)
			m.sends(s, n, do)
		}
		if n < m.tellers {
			m.tells(s, n, do)
		}
		if s.B.crash > 0 {
			do("a notifier dies", func(t *state) { t.B.crash--; t.crash(n) })
		}
	}
}

// outside is what others do.
func (m *model) outside(s *state, do func(string, func(*state))) {
	if s.Happened < Events && !s.Old && m.intakes > 0 {
		do("something happens", func(t *state) { t.Happened++ })
	}
	if s.B.replay > 0 {
		do("the topics are read from their start", func(t *state) { t.B.replay--; t.Committed = [Events]bool{} })
	}
	if s.B.old > 0 {
		do("a day goes by", func(t *state) { t.B.old--; t.Old = true })
	}
	if s.B.forget > 0 && (s.Old || m.forgetYoung) {
		do("retention deletes", func(t *state) {
			t.B.forget--
			t.Forget()
		})
	}
	if s.Alive[ghost] {
		do("a dead sender's time is over", func(t *state) { t.Alive[ghost] = false })
	}
	for e := range s.Rows {
		if s.B.again > 0 && (s.Rows[e].Status == Failed || m.again && s.Rows[e].Status == Delivered) && s.Rows[e].Told {
			do("a dead letter is put back", func(t *state) {
				t.B.again--
				t.Again[e] = true
				if !t.Table.Again(e) {
					t.Rows[e] = Row{Status: Pending}
				}
			})
		}
	}
}

// crash loses what a notifier had in memory. Its claims stay its own until the dead sender's time is over.
func (s *state) crash(n int) {
	s.excuse(n)
	for e := range s.Rows {
		if s.Rows[e].Sender == uint8(n)+1 {
			s.Rows[e].Sender, s.Alive[ghost] = ghost, true
		}
	}
	s.Alive[n+1], s.N[n] = false, notifier{}
}

// excuse lets the message that a sender is just sending come once more.
func (s *state) excuse(n int) {
	if out := &s.N[n].Out; out.Holds > 0 && (out.Stage == sending || out.Stage == done && out.Outcome == took) {
		s.Excused[out.Holds-1]++
	}
}

func (m *model) intake(s *state, n int, do func(string, func(*state))) {
	in := &s.N[n].In
	to := 0
	for e := range int(s.Happened) {
		if in.Read[e] {
			to = e + 1
		}
		if !s.Committed[e] && !in.Read[e] && !in.Ended[e] && !in.Looked {
			do("an intake reads a record", func(t *state) {
				t.N[n].In.Read[e] = true
				t.Committed[e] = m.commitFirst
			})
		}
	}
	if to > 0 && !in.Looked {
		do("an intake looks what is missing", func(t *state) { m.look(t, n, to) })
	}
	if in.Looked {
		do("an intake records", func(t *state) { m.record(t, n) })
	}
	if in.Ended != [Events]bool{} {
		do("an intake commits offsets", func(t *state) { t.commit(n) })
	}
}

func (m *model) look(s *state, n, to int) {
	from := s.Known()
	if m.onlyItself {
		from = to - 1
	}
	in := &s.N[n].In
	in.Looked, in.From, in.To = true, uint8(min(from, to)), uint8(to)
}

func (m *model) record(s *state, n int) {
	in := &s.N[n].In
	if m.noInbox {
		for e := in.From; e < in.To; e++ {
			s.Inbox[e], s.Rows[e] = false, Row{}
		}
	}
	s.Record(int(in.From), int(in.To), m.plan(s.Old))
	in.Looked, in.From, in.To = false, 0, 0
	for e := range in.Read {
		in.Ended[e], in.Read[e] = in.Ended[e] || in.Read[e], false
	}
}

func (s *state) commit(n int) {
	in := &s.N[n].In
	for e := range in.Ended {
		s.Committed[e] = s.Committed[e] || in.Ended[e]
	}
	in.Ended = [Events]bool{}
}

// life is what a sender says of itself, and for how long that holds: by its own clock it ends first.
func (m *model) life(s *state, n int, do func(string, func(*state))) {
	out := &s.N[n].Out
	if !out.Life || !s.Alive[n+1] {
		do("a sender says that it is alive", func(t *state) { m.beat(t, n) })
	}
	if out.Life && s.B.lapse > 0 {
		do("a sender can't say that it is alive", func(t *state) { t.B.lapse--; t.N[n].Out.Life = false })
	}
	if !out.Life && s.Alive[n+1] {
		do("a sender's time is over", func(t *state) { t.excuse(n); t.Alive[n+1] = false })
	}
}

func (m *model) beat(s *state, n int) {
	out := &s.N[n].Out
	if !out.Life && !m.revived {
		out.Fresh = false
	}
	out.Life, s.Alive[n+1] = true, true
}

func (m *model) sends(s *state, n int, do func(string, func(*state))) {
	out := &s.N[n].Out
	switch {
	case out.Holds == 0 && out.Life:
		do("a sender claims", func(t *state) { m.claim(t, n, true) })
		if s.B.lost > 0 {
			do("a sender claims, and is not told", func(t *state) { t.B.lost--; m.claim(t, n, false) })
		}
	case out.Stage == claimed:
		do("a sender begins to send", func(t *state) { m.begin(t, n) })
	case out.Stage == sending:
		do("the provider takes it", func(t *state) { t.takes(n); t.N[n].Out.Outcome = took })
		if s.B.fail > 0 {
			do("the provider is busy", func(t *state) { t.B.fail--; t.N[n].Out.Stage, t.N[n].Out.Outcome = done, busy })
			do("the provider takes it, and its answer is lost", func(t *state) {
				t.B.fail--
				t.excuse(n)
				t.takes(n)
				t.N[n].Out.Outcome = busy
			})
		}
		if s.B.refuse > 0 {
			do("the provider refuses it", func(t *state) { t.B.refuse--; t.N[n].Out.Stage, t.N[n].Out.Outcome = done, refused })
		}
	case out.Stage == done:
		do("a sender keeps what became of it", func(t *state) { m.keep(t, n) })
	}
}

func (m *model) claim(s *state, n int, told bool) {
	id, e := uint8(n)+1, -1
	switch alive := s.Alive; {
	case m.noTurn:
		e = s.newest(id)
	case m.lostClaims && s.claims(id):
	case m.noLiveness:
		s.Alive = [Senders + 1]bool{}
		e = s.Claim(id, -1)
		s.Alive = alive
	case m.unclaimed:
		s.Alive[ghost] = true
		e = s.Claim(id, -1)
		s.Alive = alive
	default:
		e = s.Claim(id, -1)
	}
	if e >= 0 && told {
		s.N[n].Out.Holds, s.N[n].Out.Stage, s.N[n].Out.Fresh = uint8(e)+1, claimed, true
	}
}

// newest claims what is to be sent, whatever waits before it; -1 when nothing is.
func (s *state) newest(id uint8) int {
	for e := Events - 1; e >= 0; e-- {
		if r := &s.Rows[e]; r.Status == Pending && (r.Sender == 0 || !s.Alive[r.Sender]) {
			r.Sender = id
			return e
		}
	}
	return -1
}

// claims says whether a sender has claimed something.
func (s *state) claims(id uint8) bool {
	for e := range s.Rows {
		if s.Rows[e].Status == Pending && s.Rows[e].Sender == id {
			return true
		}
	}
	return false
}

func (m *model) begin(s *state, n int) {
	out := &s.N[n].Out
	old := m.rules.IsTooOld(m.events[out.Holds-1].At, m.now(s.Old))
	switch {
	case old && !m.checkOnce:
		out.Stage, out.Outcome = done, late
	case !out.Life || !out.Fresh:
		out.Stage, out.Outcome = done, untried
	default:
		out.Stage = sending
		if old {
			s.Bad = tooOld
		}
	}
}

// takes: the customer gets what a sender sends.
func (s *state) takes(n int) {
	out := &s.N[n].Out
	e := int(out.Holds) - 1
	out.Stage = done
	if s.Got[e]++; s.Got[e] > 1+s.Excused[e] {
		s.Bad = tooOften
	}
	for before := range e {
		waits := !s.Inbox[before] || s.Rows[before].Status == Pending
		if s.Got[e] == 1 && s.Got[before] == 0 && waits && !s.Again[before] {
			s.Bad = outOfOrder
		}
	}
}

// step is what follows from a try.
func (m *model) step(s *state, n int) notification.Step {
	before := int(s.Rows[s.N[n].Out.Holds-1].Attempts)
	err := errors.New("451")
	switch s.N[n].Out.Outcome {
	case took:
		return notification.After(before, notification.Attempt{})
	case busy:
		return notification.After(before, notification.Attempt{Err: err})
	case refused:
		return notification.After(before, notification.Attempt{Err: err, Permanent: true})
	case late:
		return notification.Step{Status: notification.Skipped, Reason: notification.TooOld, Attempts: before}
	default:
		return notification.Step{Status: notification.Pending, Attempts: before}
	}
}

func (m *model) keep(s *state, n int) {
	out := &s.N[n].Out
	e, step := int(out.Holds)-1, m.step(s, n)
	kept := false
	if r := &s.Rows[e]; m.noFence && r.Status == Pending {
		kept = s.Finish(r.Sender, e, step)
	} else {
		kept = s.Finish(uint8(n)+1, e, step)
	}
	if kept && step.Status == notification.Delivered && s.Got[e] == 0 {
		s.Bad = notSent
	}
	out.Holds, out.Stage, out.Outcome, out.Fresh = 0, 0, 0, false
}

func (m *model) tells(s *state, n int, do func(string, func(*state))) {
	if s.N[n].Telling != [Events]bool{} {
		do("a teller marks what it told", func(t *state) { m.mark(t, n) })
		return
	}
	if due := s.untold(); due != [Events]bool{} {
		do("a teller tells", func(t *state) {
			t.N[n].Telling = due
			if m.markFirst {
				t.Table.Tell()
				return
			}
			t.sent(due)
		})
	}
}

// untold are the ends that nobody is telling.
func (s *state) untold() [Events]bool {
	t := s.Table
	due := t.Tell()
	for n := range s.N {
		for e, is := range s.N[n].Telling {
			due[e] = due[e] && !is
		}
	}
	return due
}

func (s *state) sent(ends [Events]bool) {
	for e, is := range ends {
		s.Sent[e] = s.Sent[e] || is
	}
}

func (m *model) mark(s *state, n int) {
	for e, is := range s.N[n].Telling {
		s.Rows[e].Told = s.Rows[e].Told || is
	}
	s.sent(s.N[n].Telling)
	s.N[n].Telling = [Events]bool{}
}
