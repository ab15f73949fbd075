package protocol

import (
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/mirror/explore"
)

// limit is more states than any world has.
const limit = 400_000

// configs are the worlds that are explored, each whole.
func configs() []config {
	shipped := [Events]event.Type{event.OrderCreated, event.OrderConfirmed, event.OrderFulfilled}
	short := [Events]event.Type{event.OrderCreated, event.OrderCancelRequested, event.OrderCancelled}
	return []config{
		{name: "two intakes", types: shipped, intakes: 2, b: budget{crash: 2, replay: 1}},
		{name: "two intakes and a sender", types: short, intakes: 2, senders: 1},
		{name: "two senders die", types: short, senders: 2, b: budget{crash: 2}},
		{name: "claims are lost", types: short, senders: 2, b: budget{lapse: 2, lost: 1}},
		{name: "the provider", types: short, senders: 2, tellers: 1, b: budget{fail: 1, refuse: 1, again: 1}},
		{name: "two tellers", types: short, senders: 1, tellers: 2, b: budget{crash: 1, refuse: 1, again: 1}},
		{name: "one of all", types: short, intakes: 1, senders: 1, tellers: 1, b: budget{crash: 1}},
		{name: "long ago", types: shipped, intakes: 1, senders: 1, b: budget{replay: 1, old: 1, forget: 1}},
	}
}

// mutants are rules that are removed, each in a world that has to find out.
func mutants() map[string]struct {
	config  string
	without removed
} {
	type m = struct {
		config  string
		without removed
	}
	return map[string]m{
		"events are recorded again (rule 7)":                         {"two intakes and a sender", removed{noInbox: true}},
		"offsets are committed before the events (rule 7)":           {"two intakes", removed{commitFirst: true}},
		"what came before is not recorded (rule 8)":                  {"one of all", removed{onlyItself: true}},
		"what waits before does not count (rule 13)":                 {"two senders die", removed{noTurn: true}},
		"claims of the living are taken (rule 14)":                   {"two senders die", removed{noLiveness: true}},
		"claims of the dead are kept (rule 14)":                      {"two senders die", removed{unclaimed: true}},
		"a claim whose answer was lost is kept (rule 13)":            {"claims are lost", removed{lostClaims: true}},
		"what was claimed before a lapse is sent (rule 14)":          {"claims are lost", removed{revived: true}},
		"results are kept whoever has the claim (rule 18)":           {"claims are lost", removed{noFence: true}},
		"marked before the broker has it (rule 20)":                  {"two tellers", removed{markFirst: true}},
		"what was delivered is sent once more by a replay (rule 21)": {"the provider", removed{again: true}},
		"age is looked at only once (rule 5)":                        {"long ago", removed{checkOnce: true}},
		"retention is shorter than the age (rule 10)":                {"long ago", removed{forgetYoung: true}},
	}
}

func (c config) explore(without removed) explore.Result {
	m := newModel(c, without)
	return explore.Explore(explore.Model[state]{
		First: m.first(), Next: m.next, Rest: m.rest,
		Broken: func(s *state) string { return problems()[s.Bad] },
	}, limit)
}

// first is how a world begins.
func (m *model) first() state {
	s := state{B: m.b}
	if m.intakes == 0 {
		s.Happened, s.Committed = Events, [Events]bool{true, true, true}
		s.Record(0, Events, m.plan(false))
	}
	return s
}

func TestTheRulesHold(t *testing.T) {
	for _, c := range configs() {
		t.Run(c.name, func(t *testing.T) {
			got := c.explore(removed{})
			t.Logf("%d states", got.States)
			if got.Problem != "" || got.Incomplete {
				t.Errorf("%s (incomplete: %t) after\n  %s", got.Problem, got.Incomplete, strings.Join(got.Trace, "\n  "))
			}
		})
	}
}

// A rule that can be removed unnoticed is none, or the model does not look.
func TestEveryRuleIsNeeded(t *testing.T) {
	worlds := map[string]config{}
	for _, c := range configs() {
		worlds[c.name] = c
	}
	for name, mutant := range mutants() {
		t.Run(name, func(t *testing.T) {
			got := worlds[mutant.config].explore(mutant.without)
			if got.Problem == "" {
				t.Errorf("%d states, and nothing is wrong (incomplete: %t)", got.States, got.Incomplete)
			}
			t.Logf("%d states: %s after\n  %s", got.States, got.Problem, strings.Join(got.Trace, "\n  "))
		})
	}
}

// rest lets the notifiers go on, with a provider that takes everything, and says what is wrong in the end.
func (m *model) rest(s *state) string {
	t := *s
	forgot := t.B.forget < m.b.forget
	t.B = budget{}
	t.Alive[ghost] = false
	for n := range t.N {
		m.finishReading(&t, n)
	}
	for range 4 * Events {
		for n := range t.N {
			m.finishSending(&t, n)
		}
	}
	for n := range t.N {
		m.mark(&t, n)
	}
	t.sent(t.Tell())
	for e := range int(t.Happened) {
		if problem := m.ends(&t, e, forgot); problem != "" {
			return problem
		}
	}
	return problems()[t.Bad]
}

func (m *model) finishReading(s *state, n int) {
	in := &s.N[n].In
	if in.Looked {
		m.record(s, n)
	}
	to := 0
	for e := range int(s.Happened) {
		if in.Read[e] = in.Read[e] || !s.Committed[e] && !in.Ended[e]; in.Read[e] {
			to = e + 1
		}
	}
	m.look(s, n, to)
	m.record(s, n)
	s.commit(n)
}

func (m *model) finishSending(s *state, n int) {
	out := &s.N[n].Out
	if !out.Life {
		m.beat(s, n)
	}
	if out.Holds == 0 {
		m.claim(s, n, true)
	}
	if out.Holds > 0 && out.Stage == claimed {
		m.begin(s, n)
	}
	if out.Stage == sending {
		s.takes(n)
		out.Outcome = took
	}
	if out.Holds > 0 {
		m.keep(s, n)
	}
}

// ends says what is wrong with an event once everything was done.
func (m *model) ends(s *state, e int, forgot bool) string {
	r := s.Rows[e]
	switch {
	case m.planned[0][e] == (Row{}): // it makes no message
		return ""
	case r.Status == 0 && !forgot:
		return "what happened is never recorded"
	case r.Status == Pending:
		return "a message waits for ever"
	case r.Status == Delivered && s.Got[e] == 0:
		return problems()[notSent]
	case r.Status == Skipped && !s.Old:
		return "a message is skipped for nothing"
	case (r.Status == Delivered || r.Status == Failed) && !s.Sent[e]:
		return "the topics are never told of an end"
	default:
		return ""
	}
}
