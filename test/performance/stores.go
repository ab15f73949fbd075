package performance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/internal/postgres"
)

// Stores is what orders take where they are kept, in bytes.
type Stores struct {
	// EtcdFile is the file of etcd's database: what is there now, the versions since the API server's
	// last compaction (it makes one every 5 minutes), and room that was given back.
	EtcdFile int64 `json:"etcdFileBytes"`
	// Objects are the means of one object, by kind: JSON, which is what etcd has of it.
	Objects map[string]int64 `json:"objectBytes"`
	// Databases of Postgres by name, with indexes.
	Databases map[string]int64 `json:"databaseBytes"`
	// Manager is its memory (RSS).
	Manager int64 `json:"managerRSSBytes"`
}

// stores looks up what everything takes now.
func (s *stage) stores(ctx context.Context) (Stores, error) {
	out := Stores{Objects: map[string]int64{}, Databases: map[string]int64{}}
	n, err := s.apiServerMetric(ctx, "apiserver_storage_size_bytes")
	if err != nil {
		return out, err
	}
	out.EtcdFile = int64(n)
	for _, kind := range []string{"orders", "stockreservations"} {
		if out.Objects[kind], err = s.objectSize(ctx, kind); err != nil {
			return out, err
		}
	}
	for _, db := range []postgres.Database{postgres.Orders, postgres.Inventory} {
		if out.Databases[string(db)], err = s.databaseSize(ctx, db); err != nil {
			return out, err
		}
	}
	m, err := memoryOf(s.manager.Process().PID())
	out.Manager = m.RSS * 1024
	return out, err
}

// objectSize is the mean of the first 500 objects of a kind.
func (s *stage) objectSize(ctx context.Context, kind string) (int64, error) {
	page, err := s.admin.do(ctx, http.MethodGet, resourcePath(ordersNamespace, kind)+"?limit=500", nil, nil)
	if err != nil {
		return 0, fmt.Errorf("look how large %s are: %w", kind, err)
	}
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(page, &list); err != nil {
		return 0, fmt.Errorf("look how large %s are: %w", kind, err)
	}
	if len(list.Items) == 0 {
		return 0, fmt.Errorf("look how large %s are: there are none", kind)
	}
	var sum int
	for _, item := range list.Items {
		sum += len(item)
	}
	return int64(sum / len(list.Items)), nil
}

func (s *stage) databaseSize(ctx context.Context, db postgres.Database) (size int64, err error) {
	pool, err := pgxpool.New(ctx, s.services.postgres.URL(string(db)))
	if err != nil {
		return 0, fmt.Errorf("look how large %s is: %w", db, err)
	}
	defer pool.Close()
	if err := pool.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&size); err != nil {
		return 0, fmt.Errorf("look how large %s is: %w", db, err)
	}
	return size, nil
}

func printStores(p func(string, ...any), orders int, s Stores) {
	of := func(bytes int64) float64 { return float64(bytes) / float64(orders) / 1024 }
	p("\nKiB an order\tetcd file\torder\treservation\tops_orders\tops_inventory\tmanager RSS\t\n")
	p("\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", of(s.EtcdFile), float64(s.Objects["orders"])/1024, float64(s.Objects["stockreservations"])/1024,
		of(s.Databases[string(postgres.Orders)]), of(s.Databases[string(postgres.Inventory)]), of(s.Manager))
}
