package protocol

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
)

// The model is one order whose customer gets mails, the topics that tell of it, two notifiers, the table between
// them, and a provider. A notifier is an intake, a sender and a teller, and may stop between any two of their steps.

const notifiers = 2

// ghost is the number of senders that died: their claims are theirs until their time is over.
const ghost = notifiers + 1

// How far a sender is with the message that it holds.
const (
	claimed uint8 = iota + 1
	sending
	done
)

// What became of a try.
const (
	took uint8 = iota + 1
	busy
	refused
	untried
	late
)

// intake reads records, each of a topic of its own, so in any order.
type intake struct {
	// Read are records that have not come to their end, and Ended those that have and are not committed.
	Read, Ended [Events]bool
	// Looked: it knows what is missing, from one event up to another, and has not recorded it.
	Looked   bool
	From, To uint8
}

// sender sends one message at a time: of one order there never are more.
type sender struct {
	// Life: it is alive by its own clock. Fresh: it has been since it claimed what it holds.
	Life, Fresh bool
	// Holds is an event from 1, or 0; Stage and Outcome are how far that is.
	Holds, Stage, Outcome uint8
}

type notifier struct {
	In  intake
	Out sender
	// Telling are ends that are on the topics and not marked: the rows are locked.
	Telling [Events]bool
}

type state struct {
	Table
	N [notifiers]notifier
	// Happened is how many events there are, and Committed which records no intake reads again.
	Happened  uint8
	Committed [Events]bool
	// Old: everything happened longer ago than anybody is told of.
	Old bool
	// Got is how often the customer got a message. Excused is how often it may have come once more, since a sender died or
	// lost its claim between the provider's yes and the result. Again: it was put back.
	Got, Excused [Events]uint8
	Again        [Events]bool
	// Sent: the topics tell of its end.
	Sent [Events]bool
	B    budget
	Bad  uint8
}

// budget is how often things go wrong at most.
type budget struct {
	crash, lapse, lost, fail, refuse, again, replay, old, forget uint8
}

// removed says which rules a model does without.
type removed struct {
	noInbox, noTurn, noLiveness, noFence, onlyItself, commitFirst, checkOnce, markFirst, again, forgetYoung,
	revived, lostClaims, unclaimed bool
}

// config is a world. Parts of notifiers know each other by the table alone, so a world need not have all of them.
type config struct {
	name  string
	types [Events]event.Type
	// intakes, senders and tellers are how many there are. Without an intake, everything is recorded.
	intakes, senders, tellers int
	b                         budget
}

type model struct {
	config
	removed
	// planned is what the rules make of each event, young and old.
	planned [2][Events]Row
	rules   notification.Rules
	events  [Events]event.Record
}

const maxAge = time.Hour

// happened is when everything does.
func happened() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }

func newModel(c config, without removed) *model {
	m := &model{config: c, removed: without, rules: notification.Rules{On: []v1alpha1.NotificationChannel{notification.Email}, MaxAge: maxAge}}
	o := &v1alpha1.Order{Spec: v1alpha1.OrderSpec{Contact: &v1alpha1.Contact{Email: "ines@example.com"}}}
	for e, of := range c.types {
		m.events[e] = event.Record{ID: uuid.NewSHA1(uuid.Nil, []byte{byte(e)}), UID: "uid", Seq: int64(e + 1), Type: of, At: happened()}
		for old, now := range []time.Time{m.now(false), m.now(true)} {
			for _, n := range m.rules.Plan(&m.events[e], o, now) {
				m.planned[old][e] = Row{Status: Of(n.Status)}
			}
		}
	}
	return m
}

// now is the time by which everything is young, or too old.
func (*model) now(old bool) time.Time {
	if old {
		return happened().Add(maxAge + time.Second)
	}
	return happened()
}

func (m *model) plan(old bool) [Events]Row {
	if old {
		return m.planned[1]
	}
	return m.planned[0]
}

// normalise makes interchangeable states equal: it does not matter which notifier is which, if both have the same parts.
func (m *model) normalise(s *state) {
	if m.intakes == 1 || m.senders == 1 || m.tellers == 1 {
		return
	}
	if slices.Compare(s.bytes(0), s.bytes(1)) <= 0 {
		return
	}
	s.N[0], s.N[1] = s.N[1], s.N[0]
	s.Alive[1], s.Alive[2] = s.Alive[2], s.Alive[1]
	for e := range s.Rows {
		if r := &s.Rows[e]; r.Sender == 1 || r.Sender == 2 {
			r.Sender = 3 - r.Sender
		}
	}
}

// bytes are all that is a notifier's.
func (s *state) bytes(n int) []byte {
	x := &s.N[n]
	b := make([]byte, 0, 32)
	flag := func(is bool) {
		bit := byte(0)
		if is {
			bit = 1
		}
		b = append(b, bit)
	}
	for e := range Events {
		flag(x.In.Read[e])
		flag(x.In.Ended[e])
		flag(x.Telling[e])
		flag(s.Rows[e].Sender == uint8(n)+1)
	}
	flag(x.In.Looked)
	flag(x.Out.Life)
	flag(x.Out.Fresh)
	flag(s.Alive[n+1])
	return append(b, x.In.From, x.In.To, x.Out.Holds, x.Out.Stage, x.Out.Outcome)
}
