package notification_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/notification"
)

func noon() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }

func happened(t event.Type) *event.Record {
	return &event.Record{ID: uuid.UUID{15: 1}, Seq: 2, Type: t, At: noon(), TraceID: "trace-1", Object: "ord-1", UID: "uid-1"}
}

func order(contact *v1alpha1.Contact, channels ...v1alpha1.NotificationChannel) *v1alpha1.Order {
	o := &v1alpha1.Order{Spec: v1alpha1.OrderSpec{CustomerID: "cust-1", Contact: contact}}
	if len(channels) > 0 {
		o.Spec.Policy = &v1alpha1.OrderPolicy{NotificationChannels: channels}
	}
	return o
}

// told is what a plan comes to.
type told struct {
	Channel   v1alpha1.NotificationChannel
	Recipient string
	Status    notification.Status
	Reason    notification.Reason
}

const (
	mail, phone, hook = "ada@example.com", "+4917012345678", "https://push.example.com/"

	email, sms, push = notification.Email, notification.SMS, notification.Push
)

func TestWhoIsToldOnWhichChannel(t *testing.T) {
	both := &v1alpha1.Contact{Email: mail, Phone: phone}
	everything := notification.Rules{On: notification.Channels(), PushTo: hook, MaxAge: time.Hour}
	mailOnly := notification.Rules{On: []v1alpha1.NotificationChannel{email}, MaxAge: time.Hour}
	for name, tc := range map[string]struct {
		rules notification.Rules
		order *v1alpha1.Order
		after time.Duration
		want  []told
	}{
		"all that the contact allows":           {everything, order(both), 0, []told{{email, mail, "PENDING", ""}, {sms, phone, "PENDING", ""}}},
		"a contact without a phone":             {everything, order(&v1alpha1.Contact{Email: mail}), 0, []told{{email, mail, "PENDING", ""}}},
		"what is off is left to what is on":     {mailOnly, order(both), 0, []told{{email, mail, "PENDING", ""}}},
		"nothing that the contact allows is on": {mailOnly, order(&v1alpha1.Contact{Phone: phone}), 0, []told{{sms, "", "SKIPPED", notification.ChannelOff}}},
		"no contact":                            {everything, order(nil), 0, []told{{email, "", "SKIPPED", notification.NoContact}}},
		"a contact that says nothing":           {everything, order(&v1alpha1.Contact{}), 0, []told{{email, "", "SKIPPED", notification.NoContact}}},
		"the class names channels":              {everything, order(both, push, email), 0, []told{{email, mail, "PENDING", ""}, {push, hook, "PENDING", ""}}},
		"the class names one that is off":       {mailOnly, order(both, sms, email), 0, []told{{email, mail, "PENDING", ""}, {sms, "", "SKIPPED", notification.ChannelOff}}},
		"the class names one without recipient": {everything, order(&v1alpha1.Contact{Email: mail}, sms), 0, []told{{sms, "", "SKIPPED", notification.NoRecipient}}},
		"the class names one, no contact":       {everything, order(nil, sms), 0, []told{{sms, "", "SKIPPED", notification.NoContact}}},
		"just not too old":                      {everything, order(&v1alpha1.Contact{Email: mail}), time.Hour, []told{{email, mail, "PENDING", ""}}},
		"too old":                               {everything, order(&v1alpha1.Contact{Email: mail}), time.Hour + 1, []told{{email, "", "SKIPPED", notification.TooOld}}},
		"another order has the id":              {everything, nil, 0, []told{{email, "", "SKIPPED", notification.OrderReplaced}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []told
			for _, n := range tc.rules.Plan(happened(event.OrderConfirmed), tc.order, noon().Add(tc.after)) {
				got = append(got, told{n.Channel, n.Recipient, n.Status, n.Reason})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestANotificationHasWhatItsEventSays(t *testing.T) {
	rules := notification.Rules{On: notification.Channels(), MaxAge: time.Hour}
	plan := func(e *event.Record) notification.Notification {
		t.Helper()
		planned := rules.Plan(e, order(&v1alpha1.Contact{Email: mail}), noon())
		if len(planned) != 1 {
			t.Fatalf("%d notifications", len(planned))
		}
		return planned[0]
	}
	got := plan(happened(event.OrderFulfilled))
	want := notification.Notification{
		ID: uuid.MustParse("6e524a69-1e0c-5e3d-9aa7-a29e0d462e15"), EventID: uuid.UUID{15: 1}, OrderID: "ord-1", OrderUID: "uid-1", Seq: 2, CustomerID: "cust-1",
		Channel: email, Recipient: mail, Template: event.OrderFulfilled, Status: notification.Pending, HappenedAt: noon(), TraceID: "trace-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	other := happened(event.OrderFulfilled)
	other.ID = uuid.UUID{15: 2}
	if plan(other).ID == got.ID {
		t.Error("two events have a notification of one id")
	}
}

func TestEveryEventIsAMessageOrNone(t *testing.T) {
	silent := map[event.Type]bool{event.OrderCancelRequested: true, event.RefundRequested: true, event.InventoryUpdated: true, "order.of.tomorrow": true}
	rules := notification.Rules{On: notification.Channels(), MaxAge: time.Hour}
	for _, of := range append(notification.Topics(), event.RefundRequested, event.InventoryUpdated, "order.of.tomorrow") {
		planned := rules.Plan(happened(of), order(&v1alpha1.Contact{Email: mail}), noon())
		if (len(planned) == 0) != silent[of] {
			t.Errorf("%s makes %d messages", of, len(planned))
		}
	}
}

func TestWhatFollowsFromATry(t *testing.T) {
	busy := errors.New("451 try later")
	for name, tc := range map[string]struct {
		before  int
		attempt notification.Attempt
		want    notification.Step
	}{
		"taken at once":                  {0, notification.Attempt{}, notification.Step{Status: "DELIVERED", Attempts: 1}},
		"taken at the last try":          {3, notification.Attempt{}, notification.Step{Status: "DELIVERED", Attempts: 4}},
		"refused":                        {0, notification.Attempt{Err: busy, Permanent: true}, notification.Step{Status: "FAILED", Reason: notification.Refused, Attempts: 1}},
		"the first try fails":            {0, notification.Attempt{Err: busy}, notification.Step{Status: "PENDING", Attempts: 1, Pause: time.Second}},
		"the second":                     {1, notification.Attempt{Err: busy}, notification.Step{Status: "PENDING", Attempts: 2, Pause: 2 * time.Second}},
		"the third":                      {2, notification.Attempt{Err: busy}, notification.Step{Status: "PENDING", Attempts: 3, Pause: 4 * time.Second}},
		"the fourth":                     {3, notification.Attempt{Err: busy}, notification.Step{Status: "FAILED", Reason: notification.GaveUp, Attempts: 4}},
		"the provider asks for patience": {0, notification.Attempt{Err: busy, RetryAfter: 20 * time.Second}, notification.Step{Status: "PENDING", Attempts: 1, Pause: 20 * time.Second}},
		"for less than there is anyway":  {2, notification.Attempt{Err: busy, RetryAfter: time.Second}, notification.Step{Status: "PENDING", Attempts: 3, Pause: 4 * time.Second}},
		"for too much":                   {0, notification.Attempt{Err: busy, RetryAfter: time.Hour}, notification.Step{Status: "PENDING", Attempts: 1, Pause: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, notification.After(tc.before, tc.attempt)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
