package orders

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/orders"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

const (
	// sweepEvery is how often all rows are compared with the cluster.
	sweepEvery = time.Hour
	// sweepAgain is when a sweep that failed is tried again.
	sweepAgain = 10 * time.Second
	// sweepPage is how many rows are read at once.
	sweepPage = 5000
	// nameEvery is how often the database is asked for its name.
	nameEvery = 5 * time.Second
)

// sweeper finds what the watch did not tell: rows that say that there is an order where none is, and
// a database that has gone back.
type sweeper struct {
	Options

	watcher *watcher
	reader  reader
	metrics *metrics
}

// run sweeps at start and every hour, until ctx is over.
func (s *sweeper) run(ctx context.Context) error {
	for why := compared; ctx.Err() == nil; why = swept {
		pause := sweepEvery
		if err := s.sweep(ctx, why); err != nil && ctx.Err() == nil {
			s.Log.Info("rows can't be compared with the cluster; it is tried again", "error", err.Error())
			pause = sweepAgain
		}
		select {
		case <-ctx.Done():
		case <-s.Clock.After(pause):
		}
	}
	return nil
}

// sweep has every order of the cache compared with its row. It reads the live rows, and asks the API
// server, after that, for each order that the cache has not (rule 8).
func (s *sweeper) sweep(ctx context.Context, why reason) error {
	if why == swept { // at the start all orders of the cache are compared anyway
		s.watcher.lookAtAll(why)
	}
	for after := ""; ; {
		rows, err := orderdb.LiveAfter(ctx, s.Pool, after, sweepPage)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := s.look(ctx, row); err != nil {
				return err
			}
			after = row.ID
		}
		if len(rows) < sweepPage {
			s.metrics.sweeps.Inc()
			return nil
		}
	}
}

// look marks a row as gone whose order is not there.
func (s *sweeper) look(ctx context.Context, row orderdb.Version) error {
	o, err := s.reader.order(ctx, row.ID)
	if err != nil || o != nil && string(o.UID) == row.ObjectUID {
		return err
	}
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Order"))
	err = s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: row.ID}, live)
	switch {
	case err == nil && string(live.UID) == row.ObjectUID:
		return nil
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("look for order %s: %w", row.ID, err)
	}
	return s.mark(ctx, row)
}

func (s *sweeper) mark(ctx context.Context, read orderdb.Version) error {
	gone := false
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		now, err := orderdb.Lock(ctx, tx, []string{read.ID})
		if err != nil {
			return err
		}
		if gone = orders.Sweep(ruleRow(read), ruleRow(now[read.ID])); gone {
			return orderdb.Mark(ctx, tx, map[string]orderdb.State{read.ID: orders.Gone})
		}
		return nil
	})
	if err == nil && gone {
		s.metrics.differences.WithLabelValues("gone").Inc()
		s.Log.Error(nil, "an order is not in the cluster any more, and nobody saw it go; what it did last may be lost", "order", read.ID, "entries", read.Seq)
	}
	return err
}

// watchName has everything compared when the database is another, or was started again (rule 7).
func (s *sweeper) watchName(ctx context.Context) error {
	for known := ""; ctx.Err() == nil; {
		name, err := orderdb.Incarnation(ctx, s.Pool)
		if err == nil && name != known {
			if known != "" {
				s.Log.Info("the database was started again, or is another; all orders are compared")
				s.watcher.lookAtAll(compared)
			}
			known = name
		}
		select {
		case <-ctx.Done():
		case <-s.Clock.After(nameEvery):
		}
	}
	return nil
}
