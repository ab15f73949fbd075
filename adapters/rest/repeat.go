package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
)

// A client that lost an answer sends its command again. What was asked stands in
// the order: the intent in spec says whether it is the same, status what came of
// it. For those that can't be told apart by that, a key names the command. The
// write that brings the intent along keeps the key, in an annotation of its own:
// a second one would come too late for an order that is finished. So there are
// never more keys in an order than intents were written into it.

// keyPrefix is how the annotations begin that keep the keys of commands.
const keyPrefix = "key.orderplane.dev/"

// memory is the annotation that keeps the key of a command; none without a key.
func (a ask) memory(ctx context.Context, c command) map[string]string {
	if a.key == nil {
		return nil
	}
	return map[string]string{a.keyAnnotation(ctx): a.fingerprint() + "." + c.about}
}

func (a ask) keyAnnotation(ctx context.Context) string {
	return keyPrefix + ids.Command(callFrom(ctx).who.Subject, idempotencyKey(*a.key))
}

// fingerprint hashes what was asked.
func (a ask) fingerprint() string {
	canonical, err := json.Marshal(a.says)
	if err != nil {
		return "" // not reached: it holds words and numbers only
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:8])
}

// repeated answers a command that was given before, or is carried out already. It
// says whether it is one.
func (h *handlers) repeated(ctx context.Context, order *v1alpha1.Order, a ask) (out outcome, repeated bool, err error) {
	if a.key != nil {
		if before, known := order.Annotations[a.keyAnnotation(ctx)]; known {
			fingerprint, about, _ := strings.Cut(before, ".")
			if fingerprint != a.fingerprint() {
				return outcome{}, true, usedKey()
			}
			out, err := h.awaitAgain(ctx, order, a.command(order, about))
			return out, true, err
		}
	}
	c := a.command(order, "")
	switch {
	case c.done(order):
		return outcome{order: order, decided: true, repeated: true}, true, nil
	case c.asked(order):
		out, err := h.awaitAgain(ctx, order, c)
		return out, true, err
	default:
		return outcome{}, false, nil
	}
}

// awaitAgain waits for the answer to a command that was written before. A refusal
// that stands is its answer.
func (h *handlers) awaitAgain(ctx context.Context, order *v1alpha1.Order, c command) (outcome, error) {
	out, err := h.await(ctx, &v1alpha1.Order{}, order, c)
	out.repeated = true
	return out, err
}

func usedKey() *problem {
	return &problem{
		status: http.StatusConflict, code: codeDuplicateOrder,
		message: "this Idempotency-Key came with another command; use a new key for a new one",
	}
}

// replayed is the header that marks the answer to a repeat.
func (o outcome) replayed() *string {
	if !o.repeated {
		return nil
	}
	yes := "true"
	return &yes
}
