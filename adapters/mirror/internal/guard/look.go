package guard

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kadm"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// World is what there is to be looked at.
type World struct {
	Namespace string
	// Kube asks the API server itself, no cache.
	Kube              client.Reader
	Orders, Inventory *pgxpool.Pool
	Topics            *kadm.Client
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

// Ends asks what the topics of events are now, by name. One that is not there is left out.
func (w World) Ends(ctx context.Context) (map[string]mirrordb.Topic, error) {
	var names []string
	for _, t := range event.Topics() {
		names = append(names, t.Name)
	}
	details, err := w.Topics.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("look at the topics: %w", err)
	}
	ends, err := w.Topics.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("ask where the topics end: %w", err)
	}
	found := map[string]mirrordb.Topic{}
	for _, t := range details {
		if t.Err != nil {
			continue
		}
		topic := mirrordb.Topic{Name: t.Topic, ID: t.ID.String()}
		for _, p := range ends[t.Topic] {
			if p.Err != nil {
				return nil, fmt.Errorf("ask where topic %s ends: partition %d: %w", t.Topic, p.Partition, p.Err)
			}
			topic.End += p.Offset
		}
		found[t.Topic] = topic
	}
	return found, nil
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
