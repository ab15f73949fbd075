package guard

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// World is what there is to be looked at.
type World struct {
	Namespace string
	// Kube asks the API server itself, no cache.
	Kube              client.Reader
	Orders, Inventory *pgxpool.Pool
	Brokers           *kgo.Client
}

// Cluster asks what the mirror serves.
func (w World) Cluster(ctx context.Context) (Cluster, error) {
	var ns corev1.Namespace
	if err := w.Kube.Get(ctx, client.ObjectKey{Name: w.Namespace}, &ns); err != nil {
		return Cluster{}, fmt.Errorf("look at namespace %s: %w", w.Namespace, err)
	}
	rv, err := w.ResourceVersion(ctx)
	return Cluster{Namespace: w.Namespace, NamespaceUID: string(ns.UID), ResourceVersion: rv}, err
}

// ResourceVersion is that of the whole cluster now: a consistent list has it, however short.
func (w World) ResourceVersion(ctx context.Context) (int64, error) {
	var orders v1alpha1.OrderList
	if err := w.Kube.List(ctx, &orders, client.InNamespace(w.Namespace), client.Limit(1)); err != nil {
		return 0, fmt.Errorf("ask for the cluster's resourceVersion: %w", err)
	}
	rv, err := strconv.ParseInt(orders.ResourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the cluster's resourceVersion %q is no number: %w", orders.ResourceVersion, err)
	}
	return rv, nil
}

// Databases asks both what they hold. Their schemas must be there.
func (w World) Databases(ctx context.Context) (orders, inventory Database, err error) {
	orders, err = look(ctx, w.Orders, postgres.Orders, mirrordb.OrdersEmpty)
	if err != nil {
		return orders, inventory, err
	}
	if orders.Newest, err = mirrordb.NewestOrder(ctx, w.Orders); err != nil {
		return orders, inventory, err
	}
	inventory, err = look(ctx, w.Inventory, postgres.Inventory, mirrordb.InventoryEmpty)
	return orders, inventory, err
}

func look(ctx context.Context, pool *pgxpool.Pool, name postgres.Database, empty func(context.Context, mirrordb.Querier) (bool, error)) (d Database, err error) {
	d.Name = name
	owner, found, err := mirrordb.OwnerOf(ctx, pool)
	if err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	if found {
		d.Owner = &owner
	}
	if d.Empty, err = empty(ctx, pool); err != nil {
		return d, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// Claim has the databases belong to the cluster from now on.
func (w World) Claim(ctx context.Context, c Cluster) error {
	owner := mirrordb.Owner{Namespace: c.Namespace, NamespaceUID: c.NamespaceUID, ResourceVersion: c.ResourceVersion}
	for _, pool := range []*pgxpool.Pool{w.Orders, w.Inventory} {
		if err := mirrordb.Claim(ctx, pool, owner); err != nil {
			return err
		}
	}
	return nil
}
