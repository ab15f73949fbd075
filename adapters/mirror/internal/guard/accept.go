package guard

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// accept has a database go on with a cluster that has gone back or was made anew. What
// it knows of versions that the cluster does not know any more counts no longer: so
// what the cluster shows from now on is applied.
func (w World) accept(ctx context.Context, here Cluster, d Database) error {
	if d.Owner.NamespaceUID != here.NamespaceUID {
		if err := w.noStrangers(ctx, d); err != nil {
			return err
		}
	}
	decided, err := w.decided(ctx)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, w.pool(d.Name), func(tx pgx.Tx) error {
		if err := mirrordb.Claim(ctx, tx, here.owner()); err != nil {
			return err
		}
		if d.Name == postgres.Orders {
			return mirrordb.OrdersGoBack(ctx, tx, here.ResourceVersion)
		}
		return mirrordb.InventoryGoesBack(ctx, tx, here.ResourceVersion, decided)
	})
}

// decided is the number of the last stock decision that the cluster knows of.
func (w World) decided(ctx context.Context) (int64, error) {
	var journal v1alpha1.StockJournal
	err := w.Kube.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: v1alpha1.StockJournalName}, &journal)
	if client.IgnoreNotFound(err) != nil {
		return 0, fmt.Errorf("read the stock journal: %w", err)
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return journal.Status.Seq, nil
}

// noStrangers refuses a cluster whose orders have the names of others that the database
// knows, as those have that were restored from a backup of objects. The mirror would
// take them for repeats, and delete them (rules 5 and 38).
func (w World) noStrangers(ctx context.Context, d Database) error {
	if d.Name != postgres.Orders {
		return nil
	}
	var orders v1alpha1.OrderList
	for next := ""; ; next = orders.Continue {
		if err := w.Kube.List(ctx, &orders, client.InNamespace(w.Namespace), client.Limit(cachedclient.Page), client.Continue(next)); err != nil {
			return fmt.Errorf("list orders: %w", err)
		}
		ids, uids := make([]string, len(orders.Items)), make([]string, len(orders.Items))
		for i := range orders.Items {
			ids[i], uids[i] = orders.Items[i].Name, string(orders.Items[i].UID)
		}
		strangers, err := mirrordb.Strangers(ctx, w.Orders, ids, uids)
		if err != nil {
			return err
		}
		if len(strangers) > 0 {
			return &Refusal{
				Why: fmt.Sprintf("orders have the names of others in %s, such as %s: they were restored as new objects, and would be deleted as repeats",
					d.Name, strangers[0]),
				WayOut: "give the mirror empty databases, delete the topics, and what the cluster has is told anew; --accept-cluster does not help here",
			}
		}
		if orders.Continue == "" {
			return nil
		}
	}
}

func (w World) pool(db postgres.Database) *pgxpool.Pool {
	if db == postgres.Inventory {
		return w.Inventory
	}
	return w.Orders
}
