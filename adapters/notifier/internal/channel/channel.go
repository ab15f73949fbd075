// Package channel is how a message gets to a customer: by mail, by text message, or by a webhook.
package channel

import (
	"context"
	"errors"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Message is what one customer is told on one channel.
type Message struct {
	// ID is the notification's: the provider's idempotency key, the Message-ID, the webhook-id.
	ID string
	// OrderID and CustomerID say what it is about, for a provider that passes it on.
	OrderID, CustomerID string
	// Template names the text, such as order.confirmed.
	Template string
	// Recipient is a mail address, a phone number in E.164 form, or an URL.
	Recipient string
	// Language of the text, BCP 47.
	Language string
	// Subject, Text and HTML are what is said. A channel that has no use for one leaves it out.
	Subject, Text, HTML string
	// At is when it happened.
	At time.Time
}

// Channel sends messages. It may be used from any number of goroutines.
type Channel interface {
	// Name of the channel.
	Name() v1alpha1.NotificationChannel
	// Send returns nil once the provider has taken the message. An error has no recipient in it,
	// and nothing else of a customer. It says by Permanent that no retry helps.
	Send(ctx context.Context, m Message) error
}

// permanent is an error that no retry mends.
type permanent struct{ err error }

func (p *permanent) Error() string { return p.err.Error() }
func (p *permanent) Unwrap() error { return p.err }

// Permanent marks an error that no retry mends. Nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// IsPermanent says whether an error was marked by Permanent.
func IsPermanent(err error) bool {
	var p *permanent
	return errors.As(err, &p)
}

// later is an error after which the provider wants to be left alone for a while.
type later struct {
	err   error
	after time.Duration
}

func (l *later) Error() string { return l.err.Error() }
func (l *later) Unwrap() error { return l.err }

// Later marks an error with when the provider wants to be asked again.
func Later(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &later{err, after}
}

// RetryAfter says when the provider wants to be asked again, if it said so.
func RetryAfter(err error) (time.Duration, bool) {
	var l *later
	if errors.As(err, &l) {
		return l.after, true
	}
	return 0, false
}
