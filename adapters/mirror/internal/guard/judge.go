// Package guard keeps a mirror from telling anything before it is sure that cluster,
// databases and topics belong together (rules 40 and 41 of docs/design/0015-mirror.md).
// What does not is refused, with what a person can do.
package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// Cluster is what the mirror serves, as the API server says.
type Cluster struct {
	Namespace, NamespaceUID string
	// ResourceVersion of a consistent list of its orders.
	ResourceVersion int64
}

// Database is what is known of one of them.
type Database struct {
	Name postgres.Database
	// Owner is nil where no mirror has run.
	Owner *mirrordb.Owner
	// Empty says that it holds nothing that was told.
	Empty bool
	// Newest is the highest resourceVersion that it knows of, apart from its owner's.
	Newest int64
}

// Refusal is why a mirror does not start, or stops. Waiting does not mend it.
type Refusal struct{ Why, WayOut string }

func (r *Refusal) Error() string { return r.Why + "; " + r.WayOut }

// Accept is what an operator has decided.
type Accept struct {
	// Cluster lets a cluster go on that has gone back, or whose namespace was made anew.
	Cluster bool
	// Topics lets topics go on that have lost records.
	Topics bool
}

// Database refuses a database that belongs to something else, or whose cluster has gone back.
func (c Cluster) Database(d Database, accept Accept) error {
	o := d.Owner
	switch {
	case o == nil:
		return nil
	case o.Namespace != c.Namespace:
		return &Refusal{
			Why:    fmt.Sprintf("%s holds the data of namespace %s, and this mirror serves %s", d.Name, o.Namespace, c.Namespace),
			WayOut: "give it databases of its own (DB_URL_ORDERS, DB_URL_INVENTORY), or set ORDERS_NAMESPACE",
		}
	case accept.Cluster:
		return nil
	case o.NamespaceUID != c.NamespaceUID:
		return &Refusal{
			Why: fmt.Sprintf("%s holds the data of another namespace %s (uid %s, this one has %s): it was made anew, or this is another cluster",
				d.Name, o.Namespace, o.NamespaceUID, c.NamespaceUID),
			WayOut: "give it databases of its own (DB_URL_ORDERS, DB_URL_INVENTORY), or start once with --accept-cluster",
		}
	}
	return c.notGoneBack(d)
}

// notGoneBack refuses a cluster that is older than what was seen of it (rule 41).
func (c Cluster) notGoneBack(d Database) error {
	newest := max(d.Owner.ResourceVersion, d.Newest)
	if c.ResourceVersion >= newest {
		return nil
	}
	return &Refusal{
		Why: fmt.Sprintf("the cluster has gone back: it is at resourceVersion %d, and %s has seen %d; nothing is told, archived or let go",
			c.ResourceVersion, d.Name, newest),
		WayOut: "find out what was lost (the rows of orders and movements say what was told), then start once with --accept-cluster",
	}
}

// Empty refuses empty databases beside topics that are not (rule 40).
func Empty(databases []Database, ends map[string]mirrordb.Topic) error {
	var errs []error
	for _, d := range databases {
		if !d.Empty {
			continue
		}
		for _, topic := range TopicsOf(d.Name) {
			// Others write there too, maybe long before there was a mirror.
			if topic == string(event.OrderCancelRequested) {
				continue
			}
			if end := ends[topic].End; end > 0 {
				errs = append(errs, &Refusal{
					Why: fmt.Sprintf("%s is empty, and topic %s is not (%d records were written to it): the database was lost, or it is the wrong one",
						d.Name, topic, end),
					WayOut: "restore its backup, which archived orders need; if there is none, fill it from the topics with `orderplane mirror --rebuild`",
				})
				break
			}
		}
	}
	return errors.Join(errs...)
}

// Topics refuses topics that have lost records since they were looked at (rule 41).
func Topics(remembered, now map[string]mirrordb.Topic, accept Accept) error {
	if accept.Topics {
		return nil
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(remembered)) {
		if why := lost(remembered[name], now[name]); why != "" {
			errs = append(errs, &Refusal{
				Why:    fmt.Sprintf("topic %s %s", name, why),
				WayOut: fmt.Sprintf("put its events back with `orderplane mirror --replay %s`, or start once with --accept-topics to go on without them", name),
			})
		}
	}
	return errors.Join(errs...)
}

// lost says how a topic lost records; empty when it did not. One that never had any lost none.
func lost(was, is mirrordb.Topic) string {
	switch {
	case was.End == 0:
		return ""
	case is.ID != was.ID:
		return fmt.Sprintf("was deleted and made anew: %d records were written to the one before", was.End)
	case is.End < was.End:
		return fmt.Sprintf("has gone back: %d records were written to it, and it ends at %d", was.End, is.End)
	default:
		return ""
	}
}

// TopicsOf are the topics that the events of a database are published to.
func TopicsOf(db postgres.Database) []string {
	var names []string
	for _, t := range event.Topics() {
		ofStock := t.Name == string(event.InventoryUpdated)
		told := t.Name != string(event.NotificationSent) && !strings.HasSuffix(t.Name, event.DeadLetters)
		if told && (ofStock && db == postgres.Inventory || !ofStock && db == postgres.Orders) {
			names = append(names, t.Name)
		}
	}
	return names
}
