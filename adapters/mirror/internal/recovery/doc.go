// Package recovery is what an operator has for the day on which something was lost (rules
// 39 to 41 of docs/design/0015-mirror.md), or the mirror is to go. Each runs once and ends.
package recovery

import (
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/adapters/mirror/internal/topics"
	"github.com/orderplane/orderplane/internal/postgres"
)

// Tools are what recovery works with.
type Tools struct {
	World guard.World
	// Brokers looks after topics.
	Brokers *kgo.Client
	// Topics reads them.
	Topics topics.Reader
	// Kube reads the API server itself, and writes.
	Kube client.Client
	// Out is told what was done, for a person.
	Out io.Writer
}

func (t *Tools) pool(db postgres.Database) *pgxpool.Pool {
	if db == postgres.Inventory {
		return t.World.Inventory
	}
	return t.World.Orders
}
