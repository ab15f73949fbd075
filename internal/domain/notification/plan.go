package notification

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

// The channels, in the order in which they are planned.
const (
	Email v1alpha1.NotificationChannel = "EMAIL"
	SMS   v1alpha1.NotificationChannel = "SMS"
	Push  v1alpha1.NotificationChannel = "PUSH"
)

// Channels gives all of them.
func Channels() []v1alpha1.NotificationChannel {
	return []v1alpha1.NotificationChannel{Email, SMS, Push}
}

// Status is where a notification is. The first three are the public contract's.
type Status string

const (
	// Pending is to be sent, or to be sent again.
	Pending Status = "PENDING"
	// Delivered was taken by the provider of its channel.
	Delivered Status = "DELIVERED"
	// Failed was given up.
	Failed Status = "FAILED"
	// Skipped is never sent: its reason says why. REST does not show it.
	Skipped Status = "SKIPPED"
)

// Reason says why a notification is skipped or failed.
type Reason string

const (
	// NoContact: the order names nobody to be told.
	NoContact Reason = "NO_CONTACT"
	// NoRecipient: the order's class wants this channel, and the contact has nothing for it.
	NoRecipient Reason = "NO_RECIPIENT"
	// ChannelOff: this installation has no provider for the channel.
	ChannelOff Reason = "CHANNEL_OFF"
	// TooOld: it happened longer ago than NOTIFY_MAX_AGE.
	TooOld Reason = "TOO_OLD"
	// OrderReplaced: another order has the id by now, and this one's contact is not known any more.
	OrderReplaced Reason = "ORDER_REPLACED"
	// Erased: what was personal in it was erased before it was sent.
	Erased Reason = "ERASED"
	// Refused: the provider said that it will never take it.
	Refused Reason = "REFUSED"
	// GaveUp: every try failed.
	GaveUp Reason = "GAVE_UP"
	// NotRendered: its text could not be made.
	NotRendered Reason = "NOT_RENDERED"
)

// Notification is one message to one customer on one channel, planned or sent.
type Notification struct {
	// ID is made of the event and the channel: whoever plans it again gives it the same one.
	ID, EventID uuid.UUID
	// OrderID is the order's name; OrderUID is its identity, and Seq the number of the event in it.
	OrderID, OrderUID string
	Seq               int64
	CustomerID        string
	Channel           v1alpha1.NotificationChannel
	// Recipient is a mail address, a phone number in E.164 form, or an URL; empty for what is
	// skipped for want of one.
	Recipient string
	// Template names the text: it is the type of the event.
	Template   event.Type
	Status     Status
	Reason     Reason
	HappenedAt time.Time
	TraceID    string
}

// Template is the text that tells of an event; empty for events that make no message of their own.
// That an order is to be cancelled for want of stock, and that money is paid back, is said by the
// messages that the order was cancelled, and that it was returned.
func Template(t event.Type) event.Type {
	switch t {
	case event.OrderCreated, event.OrderConfirmed, event.OrderCancelled, event.OrderFulfilled,
		event.OrderReturnRequested, event.OrderReturnRejected, event.OrderReturned:
		return t
	default:
		return ""
	}
}

// Topics are those whose records the notifier reads.
func Topics() []event.Type {
	return []event.Type{
		event.OrderCreated, event.OrderConfirmed, event.OrderCancelRequested, event.OrderCancelled, event.OrderFulfilled,
		event.OrderReturnRequested, event.OrderReturnRejected, event.OrderReturned,
	}
}

// Rules are what an installation says of notifications.
type Rules struct {
	// On are the channels that have a provider.
	On []v1alpha1.NotificationChannel
	// PushTo is the URL that gets the notifications of channel PUSH.
	PushTo string
	// MaxAge is how long ago something may have happened that a customer is still told of.
	MaxAge time.Duration
}

// Plan gives the notifications of an event, none for an event that makes no message. order is the
// event's order, or nil if another one has its id by now.
func (r Rules) Plan(e *event.Record, order *v1alpha1.Order, now time.Time) []Notification {
	if Template(e.Type) == "" {
		return nil
	}
	plan := Notification{
		EventID: e.ID, OrderID: e.Object, OrderUID: e.UID, Seq: e.Seq,
		Template: Template(e.Type), HappenedAt: e.At, TraceID: e.TraceID,
	}
	if order == nil {
		return []Notification{plan.skipped(Email, OrderReplaced)}
	}
	plan.CustomerID = order.Spec.CustomerID
	var planned []Notification
	for _, channel := range r.wanted(order) {
		planned = append(planned, r.one(plan, channel, order.Spec.Contact, now))
	}
	if len(planned) == 0 {
		planned = []Notification{plan.skipped(Email, NoContact)}
	}
	return planned
}

// wanted are the channels on which an order's customer is to be told: those that its policy names,
// else those that the contact allows, and of them those that are on, if any is.
func (r Rules) wanted(order *v1alpha1.Order) []v1alpha1.NotificationChannel {
	if p := order.Spec.Policy; p != nil && len(p.NotificationChannels) > 0 {
		return inOrder(p.NotificationChannels)
	}
	var allowed, on []v1alpha1.NotificationChannel
	for _, channel := range []v1alpha1.NotificationChannel{Email, SMS} {
		if r.recipient(channel, order.Spec.Contact) == "" {
			continue
		}
		allowed = append(allowed, channel)
		if slices.Contains(r.On, channel) {
			on = append(on, channel)
		}
	}
	if len(on) > 0 {
		return on
	}
	return allowed
}

func inOrder(named []v1alpha1.NotificationChannel) []v1alpha1.NotificationChannel {
	return slices.DeleteFunc(Channels(), func(c v1alpha1.NotificationChannel) bool { return !slices.Contains(named, c) })
}

func (r Rules) one(plan Notification, channel v1alpha1.NotificationChannel, contact *v1alpha1.Contact, now time.Time) Notification {
	plan.Recipient = r.recipient(channel, contact)
	switch {
	case !slices.Contains(r.On, channel):
		return plan.skipped(channel, ChannelOff)
	case plan.Recipient == "" && (contact == nil || *contact == v1alpha1.Contact{}):
		return plan.skipped(channel, NoContact)
	case plan.Recipient == "":
		return plan.skipped(channel, NoRecipient)
	case r.IsTooOld(plan.HappenedAt, now):
		return plan.skipped(channel, TooOld)
	}
	plan.ID, plan.Channel, plan.Status = idOf(plan.EventID, channel), channel, Pending
	return plan
}

// IsTooOld says whether nobody is to be told any more of what happened then.
func (r Rules) IsTooOld(happened, now time.Time) bool { return now.Sub(happened) > r.MaxAge }

func (r Rules) recipient(channel v1alpha1.NotificationChannel, contact *v1alpha1.Contact) string {
	switch {
	case channel == Push:
		return r.PushTo
	case contact == nil:
		return ""
	case channel == Email:
		return contact.Email
	case channel == SMS:
		return contact.Phone
	default:
		return ""
	}
}

// skipped is a notification that is kept without a recipient: nothing is sent to it.
func (n Notification) skipped(channel v1alpha1.NotificationChannel, why Reason) Notification {
	n.ID, n.Channel, n.Recipient = idOf(n.EventID, channel), channel, ""
	n.Status, n.Reason = Skipped, why
	return n
}

// namespace of the ids made here (UUID version 5). It never changes: that a message is sent once
// hangs on it.
func namespace() uuid.UUID {
	return uuid.UUID{0x8e, 0x1f, 0x52, 0x6c, 0x3d, 0x90, 0x4b, 0x0a, 0xb7, 0x2e, 0x64, 0xc1, 0x0d, 0x9f, 0x35, 0xa8}
}

func idOf(eventID uuid.UUID, channel v1alpha1.NotificationChannel) uuid.UUID {
	return uuid.NewSHA1(namespace(), []byte(eventID.String()+"/"+string(channel)))
}
