package guard

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// Verify looks whether cluster and databases belong together, and returns the cluster's
// resourceVersion. What nobody's was, or was accepted, belongs to the cluster afterwards.
// The brokers are asked only if a database is empty. A *Refusal is for a person, any
// other error worth another try.
func Verify(ctx context.Context, w World, brokers *kgo.Client, accept Accept) (seen int64, err error) {
	here, err := w.Cluster(ctx)
	if err != nil {
		return 0, err
	}
	orders, inventory, err := w.Databases(ctx)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(here.Database(orders, accept), here.Database(inventory, accept)); err != nil {
		return 0, err
	}
	if orders.Empty || inventory.Empty {
		ends, err := Ends(ctx, brokers)
		if err != nil {
			return 0, err
		}
		if err := Empty([]Database{orders, inventory}, ends); err != nil {
			return 0, err
		}
	}
	return here.ResourceVersion, w.claim(ctx, here, []Database{orders, inventory}, accept)
}

// VerifyTopics looks whether the topics have lost records, and remembers what they are.
func VerifyTopics(ctx context.Context, w World, brokers *kgo.Client, accept Accept) error {
	remembered, err := mirrordb.Topics(ctx, w.Orders)
	if err != nil {
		return err
	}
	return Follow(ctx, w, brokers, remembered, accept)
}

// Follow is VerifyTopics for what is remembered already. remembered is brought up to date.
func Follow(ctx context.Context, w World, brokers *kgo.Client, remembered map[string]mirrordb.Topic, accept Accept) error {
	now, err := Ends(ctx, brokers)
	if err != nil {
		return err
	}
	if err := Topics(remembered, now, accept); err != nil {
		return err
	}
	var topics []mirrordb.Topic
	for name, topic := range now {
		topics = append(topics, topic)
		remembered[name] = topic
	}
	return mirrordb.SeenTopics(ctx, w.Orders, topics)
}

// claim has databases belong to the cluster, and remembers how new it is.
func (w World) claim(ctx context.Context, here Cluster, databases []Database, accept Accept) error {
	for _, d := range databases {
		pool := w.pool(d.Name)
		switch {
		case d.Owner == nil:
			if err := mirrordb.Claim(ctx, pool, here.owner()); err != nil {
				return err
			}
		case accept.Cluster && here.Database(d, Accept{}) != nil:
			if err := w.accept(ctx, here, d); err != nil {
				return err
			}
		default:
			if err := mirrordb.Seen(ctx, pool, here.ResourceVersion); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c Cluster) owner() mirrordb.Owner {
	return mirrordb.Owner{Namespace: c.Namespace, NamespaceUID: c.NamespaceUID, ResourceVersion: c.ResourceVersion}
}
