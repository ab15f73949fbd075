// Package check compares what the cluster, the databases and the topics say of the same things. It
// changes nothing, and may run beside a mirror: what differs is looked at again, since the mirror may
// not have told it yet, and is reported once it still differs.
package check

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/topics"
)

// Check compares one namespace with its databases and topics.
type Check struct {
	// World is what is compared. Its Kube asks the API server itself.
	World guard.World
	// Topics reads the topics.
	Topics topics.Reader
	// Out gets a line for each thing that differs, at most Most of them, and a summary.
	Out   io.Writer
	Clock clock.Clock
}

// Most is how many differences are named.
const Most = 100

// pageSize is how many objects are listed, and rows read, at once.
const pageSize = 500

// pauses are how long it is waited before what differs is looked at again: a mirror that runs has told
// it by then.
func pauses() []time.Duration { return []time.Duration{time.Second, 3 * time.Second, 6 * time.Second} }

// Difference is something of which cluster, databases and topics say different things.
type Difference struct {
	// Of names it, such as "order ord-1".
	Of string
	// What differs, in words.
	What string
}

// tally is what was compared, for the summary.
type tally struct {
	orders, stockObjects     int
	events, expired, waiting int64
}

// Run compares everything and returns how many differences there are. An error says what could not be
// compared.
func (c *Check) Run(ctx context.Context) (differences int, err error) {
	var t tally
	var all []Difference
	for _, compare := range []func(context.Context, *tally) ([]Difference, error){c.orders, c.stock, c.topics} {
		found, err := compare(ctx, &t)
		if err != nil {
			return 0, err
		}
		all = append(all, found...)
	}
	for _, d := range all[:min(len(all), Most)] {
		fmt.Fprintf(c.Out, "%s: %s\n", d.Of, d.What)
	}
	if more := len(all) - Most; more > 0 {
		fmt.Fprintf(c.Out, "and %d more\n", more)
	}
	fmt.Fprintf(c.Out, "compared %d orders, %d items, reservations and stock documents, and %d events", t.orders, t.stockObjects, t.events)
	if t.waiting > 0 {
		fmt.Fprintf(c.Out, "; %d events wait to be published", t.waiting)
	}
	if t.expired > 0 {
		fmt.Fprintf(c.Out, "; %d events may have been on topics whose oldest records are gone by now", t.expired)
	}
	fmt.Fprintf(c.Out, ": %d differences\n", len(all))
	return len(all), nil
}

// settled has what differs looked at again until nothing does, or for the last time.
func (c *Check) settled(ctx context.Context, look func(context.Context) ([]Difference, error)) ([]Difference, error) {
	found, err := look(ctx)
	for _, pause := range pauses() {
		if err != nil || len(found) == 0 {
			return found, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.Clock.After(pause):
		}
		var again []Difference
		if again, err = look(ctx); err != nil {
			return nil, err
		}
		// Only what differed before as well: something else may be new, and not be told yet.
		found = slices.DeleteFunc(again, func(d Difference) bool {
			return !slices.ContainsFunc(found, func(was Difference) bool { return was.Of == d.Of })
		})
	}
	return found, err
}

// pages lists objects of the namespace and calls each with every page.
func pages[L client.ObjectList](ctx context.Context, c *Check, list L, each func(L) error) error {
	for next := ""; ; {
		if err := c.World.Kube.List(ctx, list, client.InNamespace(c.World.Namespace), client.Limit(pageSize), client.Continue(next)); err != nil {
			return fmt.Errorf("list %T: %w", list, err)
		}
		if err := each(list); err != nil {
			return err
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}
