package stock_test

import (
	"context"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/test/testenv"
)

// onHand waits until a product has so much on hand.
func (s *shop) onHand(ctx context.Context, product string, want int64) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		o := &v1alpha1.StockItem{}
		g.Expect(s.read(ctx, product, o)).To(Succeed())
		g.Expect(journal.OnHand(o)).To(Equal(want))
	}).Should(Succeed())
}

// metric is the value of a counter of the mirror that was started last, by the value of its
// one label.
func (s *shop) metric(name, label string) float64 {
	GinkgoHelper()
	families, err := s.registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if is := m.GetLabel(); len(is) == 1 && is[0].GetValue() == label {
				return value(m)
			}
		}
	}
	return 0
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() }

var tables = []string{"cursor", "inventory", "inventory_reservations", "inventory_documents", "movements", "stock_events", "outbox"}

// backUp copies the database.
func (s *shop) backUp(ctx context.Context) {
	GinkgoHelper()
	Expect(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `CREATE SCHEMA backup`); err != nil {
			return err
		}
		for _, t := range tables {
			if _, err := tx.Exec(ctx, `CREATE TABLE backup.`+t+` AS SELECT * FROM `+t); err != nil {
				return err
			}
		}
		return nil
	})).To(Succeed())
}

// restore puts the copy back and ends every connection, as a restart does.
func (s *shop) restore(ctx context.Context) {
	GinkgoHelper()
	Expect(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, t := range tables {
			if _, err := tx.Exec(ctx, `DELETE FROM `+t); err != nil {
				return err
			}
		}
		for _, t := range tables {
			if _, err := tx.Exec(ctx, `INSERT INTO `+t+` OVERRIDING SYSTEM VALUE SELECT * FROM backup.`+t); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		return err
	})).To(Succeed())
}

// takeAway lets nobody into the database; bringBack lets everybody in again.
func (s *shop) takeAway(ctx context.Context) { s.allowConnections(ctx, false) }

func (s *shop) bringBack(ctx context.Context) { s.allowConnections(ctx, true) }

func (s *shop) allowConnections(ctx context.Context, allow bool) {
	GinkgoHelper()
	name := s.pool.Config().ConnConfig.Database
	conn, err := pgx.Connect(ctx, testenv.Postgres(GinkgoTB()).URL("postgres"))
	Expect(err).NotTo(HaveOccurred())
	defer conn.Close(ctx) //nolint:errcheck // nothing follows
	may := "false"
	if allow {
		may = "true"
	}
	_, err = conn.Exec(ctx, `ALTER DATABASE `+pgx.Identifier{name}.Sanitize()+` ALLOW_CONNECTIONS `+may)
	Expect(err).NotTo(HaveOccurred())
	if !allow {
		_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
		Expect(err).NotTo(HaveOccurred())
	}
}
