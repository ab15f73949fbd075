package performance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const (
	// seedBatch is how many objects go into etcd with one transaction, seedWriters
	// how many transactions are under way at once.
	seedBatch   = 64
	seedWriters = 4
)

// seed puts live orders into the cluster faster than the API server would take
// them: it writes to etcd what the API server itself stored for orders that the
// system decided, with other names, uids and products, and with decisions of their own. Nothing
// tells them apart afterwards.
type seed struct {
	etcd    *clientv3.Client
	samples []storedOrder
	items   []storedItem
	// seq is the number of the last decision before.
	seq int64
}

// storedItem is a product that can be ordered.
type storedItem struct{ name, uid string }

// storedOrder is an order as it lies in etcd.
type storedOrder struct {
	order, reservation, loose template
}

func orderKey(name string) string {
	return "/registry/" + v1alpha1.GroupVersion.Group + "/orders/" + ordersNamespace + "/" + name
}

func reservationKey(name string) string {
	return "/registry/" + v1alpha1.GroupVersion.Group + "/stockreservations/" + ordersNamespace + "/" + name
}

// newSeed takes samples of the orders of these names, each of one line that was reserved.
func newSeed(ctx context.Context, endpoint string, names []string, items []storedItem) (*seed, error) {
	etcd, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Context: ctx})
	if err != nil {
		return nil, fmt.Errorf("reach etcd: %w", err)
	}
	s := &seed{etcd: etcd, items: items}
	for _, name := range names {
		sample, err := s.sample(ctx, name)
		if err != nil {
			_ = etcd.Close()
			return nil, fmt.Errorf("sample %s: %w", name, err)
		}
		s.samples = append(s.samples, sample)
	}
	return s, nil
}

func (s *seed) sample(ctx context.Context, name string) (storedOrder, error) {
	order, orderUID, err := s.stored(ctx, orderKey(name))
	if err != nil {
		return storedOrder{}, err
	}
	reservation, reservationUID, err := s.stored(ctx, reservationKey(name))
	if err != nil {
		return storedOrder{}, err
	}
	loose, err := withoutOrder(reservation)
	if err != nil {
		return storedOrder{}, err
	}
	values := filling{gapName: name, gapOrderUID: orderUID, gapUID: reservationUID}
	var decided v1alpha1.StockReservation
	if err := json.Unmarshal(reservation, &decided); err != nil {
		return storedOrder{}, fmt.Errorf("read a stored reservation: %w", err)
	}
	if len(decided.Status.Allocations) != 1 || len(decided.Status.History) != 1 {
		return storedOrder{}, fmt.Errorf("%d lines are reserved by %d decisions; one each is needed", len(decided.Status.Allocations), len(decided.Status.History))
	}
	values[gapProduct], values[gapItemUID] = decided.Status.Allocations[0].ProductID, decided.Status.Allocations[0].ItemUID
	values[gapSeq] = seqText(decided.Status.History[0].Seq)
	byOrder := values
	byOrder[gapSeq] = "" // an order's entries have numbers of their own
	return storedOrder{order: cut(order, byOrder), reservation: cut(reservation, values), loose: cut(loose, values)}, nil
}

// seqText is a number of a decision as it is stored.
func seqText(seq int64) string { return fmt.Sprintf(`"seq":%d`, seq) }

const journalKey = "/registry/orderplane.dev/stockjournals/" + ordersNamespace + "/" + v1alpha1.StockJournalName

// decide numbers the decisions that the seed's objects show, and has the journal say so.
func (s *seed) decide(ctx context.Context, decisions int) error {
	stored, _, err := s.stored(ctx, journalKey)
	if err != nil {
		return err
	}
	var journal v1alpha1.StockJournal
	if err := json.Unmarshal(stored, &journal); err != nil {
		return fmt.Errorf("read the stored journal: %w", err)
	}
	s.seq = journal.Status.Seq
	// Entries are texts of their own, so the number stands here once.
	value := strings.Replace(string(stored), seqText(s.seq), seqText(s.seq+int64(decisions)), 1)
	if _, err := s.etcd.Put(ctx, journalKey, value); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

func (s *seed) stored(ctx context.Context, key string) (value []byte, uid string, err error) {
	answer, err := s.etcd.Get(ctx, key)
	if err != nil {
		return nil, "", err
	}
	if len(answer.Kvs) != 1 {
		return nil, "", fmt.Errorf("etcd has no %s", key)
	}
	var object struct {
		Metadata identity `json:"metadata"`
	}
	if err := json.Unmarshal(answer.Kvs[0].Value, &object); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", key, err)
	}
	return answer.Kvs[0].Value, object.Metadata.UID, nil
}

// withoutOrder makes a reservation that belongs to nobody.
func withoutOrder(stored []byte) ([]byte, error) {
	var object map[string]any
	if err := json.Unmarshal(stored, &object); err != nil {
		return nil, fmt.Errorf("read a stored reservation: %w", err)
	}
	for part, field := range map[string]string{"metadata": "ownerReferences", "spec": "orderRef"} {
		if fields, ok := object[part].(map[string]any); ok {
			delete(fields, field)
		}
	}
	return json.Marshal(object)
}

// put writes the orders and reservations of a level.
func (s *seed) put(ctx context.Context, l Level) error {
	all := l.Orders + l.Reservations
	if all == 0 {
		return nil
	}
	if err := s.decide(ctx, all); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(seedWriters)
	for from := 0; from < all; from += seedBatch {
		g.Go(func() error {
			var ops []clientv3.Op
			for n := from; n < min(from+seedBatch, all); n++ {
				ops = append(ops, s.ops(n, n >= l.Orders)...)
			}
			for len(ops) > 0 {
				some := ops[:min(len(ops), seedBatch)]
				if _, err := s.etcd.Txn(ctx).Then(some...).Commit(); err != nil {
					return fmt.Errorf("write to etcd: %w", err)
				}
				ops = ops[len(some):]
			}
			return nil
		})
	}
	return g.Wait()
}

// ops are the writes of the n-th live order, or of a reservation without one.
func (s *seed) ops(n int, loose bool) []clientv3.Op {
	sample := s.samples[n%len(s.samples)]
	f := filling{
		gapName: fmt.Sprintf("live-%021d", n), gapUID: uuid.NewString(), gapOrderUID: uuid.NewString(),
		gapProduct: s.items[n%len(s.items)].name, gapItemUID: s.items[n%len(s.items)].uid, gapSeq: seqText(s.seq + 1 + int64(n)),
	}
	if loose {
		return []clientv3.Op{clientv3.OpPut(reservationKey(f[gapName]), string(sample.loose.fill(f)))}
	}
	return []clientv3.Op{
		clientv3.OpPut(orderKey(f[gapName]), string(sample.order.fill(f))),
		clientv3.OpPut(reservationKey(f[gapName]), string(sample.reservation.fill(f))),
	}
}

func (s *seed) close() error { return s.etcd.Close() }
