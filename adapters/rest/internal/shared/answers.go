package shared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// answerPrefix is before the idempotency key (the public contract).
	answerPrefix = "ops:idempotency:"
	// answerLives is how long an answer is kept (the public contract).
	answerLives = 24 * time.Hour
)

// Answer is the first answer to a create.
type Answer struct {
	// Order is the id of the order that was made: a hash of namespace, customer and key.
	Order string `json:"orderId"`
	// Fingerprint is that of the request.
	Fingerprint string `json:"fingerprint"`
	// Status and Body are what was answered.
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// Answers keeps first answers in Redis. A nil one keeps none.
type Answers struct {
	client *goredis.Client
	guard  Guard
	writes chan struct{}
}

// mostWrites bounds the answers that are being written.
const mostWrites = 64

// NewAnswers keeps answers by a guard.
func NewAnswers(client *goredis.Client, guard Guard) *Answers {
	return &Answers{client: client, guard: guard, writes: make(chan struct{}, mostWrites)}
}

// Find returns the first answer to a key if it is about an order of this id, nil when none is
// known. Another customer's answer to the same key is none.
func (a *Answers) Find(ctx context.Context, key, order string) *Answer {
	if a == nil {
		return nil
	}
	var text []byte
	err := a.guard(ctx, func(ctx context.Context) (err error) {
		text, err = a.client.Get(ctx, answerPrefix+key).Bytes()
		if errors.Is(err, goredis.Nil) {
			return nil
		}
		return err
	})
	if err != nil || len(text) == 0 {
		return nil
	}
	first := &Answer{}
	if err := json.Unmarshal(text, first); err != nil || first.Order != order || first.Status == 0 {
		return nil // somebody else wrote it
	}
	return first
}

// Keep keeps an answer unless one is kept already. Nobody waits for it: an answer that is not kept
// is made of the order when its key comes again.
func (a *Answers) Keep(ctx context.Context, key string, first Answer) {
	if a == nil {
		return
	}
	select {
	case a.writes <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-a.writes }()
		_ = a.guard(context.WithoutCancel(ctx), func(ctx context.Context) error {
			text, err := json.Marshal(first)
			if err != nil {
				return fmt.Errorf("encode an answer: %w", err)
			}
			return a.client.SetNX(ctx, answerPrefix+key, text, answerLives).Err()
		})
	}()
}

// Writing reports whether an answer is being written.
func (a *Answers) Writing() bool { return len(a.writes) > 0 }
