package stock

import (
	"context"
	"math"
	"time"

	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/clock"

	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

const (
	// sweepEvery is how often rows are looked for whose object is gone unseen.
	sweepEvery = time.Hour
	// sweepAgain is how soon a sweep that failed is tried again.
	sweepAgain = 30 * time.Second
)

// sweeper marks the rows of objects that are gone and whose end nobody saw (rule 8).
type sweeper struct {
	view    *view
	cluster *cluster
	pool    *pgxpool.Pool
	clock   clock.WithTicker
	log     logr.Logger
}

// Run sweeps at once, and then now and then, until ctx is over.
func (s *sweeper) Run(ctx context.Context) {
	next := s.clock.Now()
	ticker := s.clock.NewTicker(sweepAgain)
	defer ticker.Stop()
	for {
		if overlooked := s.view.wasOverlooked(); overlooked || !s.clock.Now().Before(next) {
			if err := s.sweep(ctx); err != nil {
				s.log.Info("rows of objects that are gone are not marked for now", "error", err.Error())
			} else {
				next = s.clock.Now().Add(sweepEvery)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
	}
}

func (s *sweeper) sweep(ctx context.Context) error {
	kinds := map[stockdb.Table]string{stockdb.Items: "StockItem", stockdb.Reservations: "StockReservation", stockdb.Documents: "StockAdjustment"}
	for _, table := range stockdb.Tables() {
		if err := s.sweepTable(ctx, table, kinds[table]); err != nil {
			return err
		}
	}
	return nil
}

// sweepTable reads the rows first and lists the objects after that. So a row whose object is
// not on the list is of one that is gone, for a uid never comes again.
func (s *sweeper) sweepTable(ctx context.Context, t stockdb.Table, kind string) error {
	live, err := stockdb.Live(ctx, s.pool, t)
	if err != nil {
		return err
	}
	gone := sets.New(live...)
	err = s.cluster.names(ctx, kind, func(m *metav1.PartialObjectMetadata) error {
		gone.Delete(string(m.UID))
		return nil
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	marks := make([]stockdb.Gone, 0, len(gone))
	for uid := range gone {
		marks = append(marks, stockdb.Gone{UID: uid, Version: math.MinInt64})
	}
	s.log.Info("objects are gone whose end was not seen", "kind", kind, "objects", len(marks))
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := stockdb.Lock(ctx, tx); err != nil {
			return err
		}
		return stockdb.MarkGone(ctx, tx, t, marks)
	})
}
