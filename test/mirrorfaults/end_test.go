package mirrorfaults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/postgres"
)

// end waits until nothing is under way, holds databases and topics to the cluster, and gives how
// the world ended, by names, for comparing two worlds.
func (w *world) end() string {
	w.t.Helper()
	w.Eventually(w.underWay).Should(BeEmpty(), "it does not settle")
	w.checkTopics()
	w.checkStock()
	var out []string
	out = append(out, w.cluster()...)
	out = append(out, w.told()...)
	out = append(out, w.rows(postgres.Orders, `SELECT concat_ws(' ', 'row', id, status, state, seq) FROM orders`)...)
	out = append(out, w.rows(postgres.Inventory, `SELECT concat_ws(' ', 'row of item', product_id, state, quantity, reserved_qty) FROM inventory`)...)
	out = append(out, w.rows(postgres.Inventory, `SELECT concat_ws(' ', 'row of reservation', name, state, phase) FROM inventory_reservations`)...)
	out = append(out, w.rows(postgres.Inventory, `SELECT concat_ws(' ', 'row of document', name, state, phase) FROM inventory_documents`)...)
	out = append(out, w.rows(postgres.Inventory, `SELECT concat_ws(' ', 'movement', product_id, kind, object, delta) FROM movements`)...)
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// underWay is what is still to be done; "" is nothing.
func (w *world) underWay() (string, error) {
	for db, events := range map[postgres.Database]string{postgres.Orders: "order_events", postgres.Inventory: "stock_events"} {
		if left := w.rows(db, `SELECT concat_ws(' ', 'in the outbox:', key) FROM outbox`); len(left) > 0 {
			return left[0], nil
		}
		for _, id := range w.rows(db, `SELECT event_id::text FROM `+events+` WHERE topic <> ''`) {
			if !w.wasRead(id) {
				return "not read: " + id, nil
			}
		}
	}
	if _, buried, _ := w.topics.told(); len(buried) == 0 {
		return "no dead letter", nil
	}
	versions := map[string]string{}
	for db, query := range map[postgres.Database][]string{
		postgres.Orders: {`SELECT object_uid || ' ' || rv FROM orders`},
		postgres.Inventory: {
			`SELECT item_uid || ' ' || rv FROM inventory`, `SELECT uid || ' ' || rv FROM inventory_reservations`, `SELECT uid || ' ' || rv FROM inventory_documents`,
		},
	} {
		for _, q := range query {
			for _, row := range w.rows(db, q) {
				uid, rv, _ := strings.Cut(row, " ")
				versions[uid] = rv
			}
		}
	}
	for _, o := range w.objects() {
		if o.GetDeletionTimestamp() != nil {
			return o.GetName() + " is being deleted", nil
		}
		if versions[string(o.GetUID())] != o.GetResourceVersion() {
			return fmt.Sprintf("%T %s is at %s in the cluster and at %q in its row", o, o.GetName(), o.GetResourceVersion(), versions[string(o.GetUID())]), nil
		}
	}
	return "", nil
}

func (w *world) wasRead(id string) bool {
	w.topics.mu.Lock()
	defer w.topics.mu.Unlock()
	_, read := w.topics.values[id]
	return read
}

// objects are all that have a row each.
func (w *world) objects() (all []client.Object) {
	w.t.Helper()
	for _, list := range []client.ObjectList{&v1alpha1.OrderList{}, &v1alpha1.StockReservationList{}, &v1alpha1.StockItemList{}, &v1alpha1.StockAdjustmentList{}} {
		w.Expect(w.k8s.List(w.t.Context(), list, client.InNamespace(w.ns))).To(Succeed())
		w.Expect(meta.EachListItem(list, func(o runtime.Object) error {
			all = append(all, o.(client.Object))
			return nil
		})).To(Succeed())
	}
	return all
}

// cluster is what is left in the cluster, and its finalizers.
func (w *world) cluster() (out []string) {
	w.t.Helper()
	for _, o := range w.objects() {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1alpha1.")
		finalizers := slices.Sorted(slices.Values(o.GetFinalizers()))
		out = append(out, fmt.Sprintf("%s %s %v", kind, o.GetName(), finalizers))
	}
	return out
}

// told is what the topics say, order by order in its sequence, and by product.
func (w *world) told() (out []string) {
	w.t.Helper()
	firsts, buried, _ := w.topics.told()
	products := map[string]int{}
	for _, r := range firsts {
		if r.Topic == string(event.InventoryUpdated) {
			products[r.Key]++
			continue
		}
		out = append(out, fmt.Sprintf("told of %s: %d %s", r.Key, r.Seq, r.Topic))
	}
	for p, n := range products {
		out = append(out, fmt.Sprintf("told of %s: %d events", p, n))
	}
	for _, b := range buried {
		out = append(out, "dead letter "+b)
	}
	return out
}

// rows are those of a query that gives one text each.
func (w *world) rows(db postgres.Database, query string) []string {
	w.t.Helper()
	found, err := w.pools[db].Query(w.t.Context(), query)
	w.Expect(err).NotTo(HaveOccurred())
	rows, err := pgx.CollectRows(found, pgx.RowTo[string])
	w.Expect(err).NotTo(HaveOccurred(), query)
	return rows
}

// checkTopics holds the topics to the protocol's invariants: the first appearances of a key are in
// order and without a gap, an event always says the same, and it is the one that the database keeps.
func (w *world) checkTopics() {
	w.t.Helper()
	firsts, _, problems := w.topics.told()
	for _, p := range problems {
		w.t.Error(p)
	}
	kept := map[string]string{}
	for db, events := range map[postgres.Database]string{postgres.Orders: "order_events", postgres.Inventory: "stock_events"} {
		for _, row := range w.rows(db, `SELECT event_id || ' ' || convert_from(value, 'UTF8') FROM `+events) {
			id, value, _ := strings.Cut(row, " ")
			kept[id] = value
		}
	}
	last := map[string]int64{}
	for _, r := range firsts {
		if kept[r.ID] != r.Value {
			w.t.Errorf("event %s is %q in the database, and on the topic\n%s", r.ID, kept[r.ID], r.Value)
		}
		place := r.Topic + "/" + r.Key
		if r.Seq < last[place] {
			w.t.Errorf("%s: %d appears after %d", place, r.Seq, last[place])
		}
		last[place] = r.Seq
	}
	numbers := map[string][]int64{}
	for _, r := range firsts {
		if r.Topic != string(event.InventoryUpdated) && !slices.Contains(numbers[r.Key], r.Seq) {
			numbers[r.Key] = append(numbers[r.Key], r.Seq)
		}
	}
	for key, seqs := range numbers {
		slices.Sort(seqs)
		for i, seq := range seqs {
			if seq != int64(i+1) {
				w.t.Errorf("order %s was told the numbers %v", key, seqs)
				break
			}
		}
	}
}

// checkStock sees that the movements of a product add up to what is on hand, and that no
// difference had to be booked.
func (w *world) checkStock() {
	w.t.Helper()
	if carried := w.rows(postgres.Inventory, `SELECT product_id FROM movements WHERE kind = 'Carried'`); len(carried) > 0 {
		w.t.Errorf("differences were booked of %v", carried)
	}
	var items v1alpha1.StockItemList
	w.Expect(w.k8s.List(w.t.Context(), &items, client.InNamespace(w.ns))).To(Succeed())
	for i := range items.Items {
		item := &items.Items[i]
		sum := w.rows(postgres.Inventory, fmt.Sprintf(`SELECT coalesce(sum(delta), 0)::text FROM movements WHERE item_uid = '%s'`, item.UID))[0]
		if on := item.Status.OnHand; on == nil || sum != strconv.FormatInt(*on, 10) {
			w.t.Errorf("%s: %v on hand, and %s by its movements", item.Name, on, sum)
		}
	}
}
