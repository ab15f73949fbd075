package stockdb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
	"github.com/orderplane/orderplane/test/testenv"
)

var at = time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)

// write runs a transaction that has locked the cursor.
func write(t testing.TB, pool *pgxpool.Pool, f func(ctx context.Context, tx pgx.Tx) error) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := stockdb.Lock(t.Context(), tx); err != nil {
			return err
		}
		return f(t.Context(), tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryQueryIsPrepared(t *testing.T) {
	conn, err := testenv.Database(t, postgres.Inventory).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for i, sql := range stockdb.Queries() {
		if _, err := conn.Conn().Prepare(t.Context(), fmt.Sprintf("q%d", i), sql); err != nil {
			t.Errorf("%v:\n%s", err, sql)
		}
	}
}

func TestTheCursorIsMovedByOneAtATime(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	if seq, err := stockdb.Cursor(t.Context(), pool); err != nil || seq != 0 {
		t.Fatalf("a new cursor is at %d, %v", seq, err)
	}
	waited := make(chan int64)
	write(t, pool, func(ctx context.Context, tx pgx.Tx) error {
		go func() {
			defer close(waited)
			_ = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				seq, err := stockdb.Lock(t.Context(), tx)
				waited <- seq
				return err
			})
		}()
		select {
		case seq := <-waited:
			t.Errorf("a second writer has the cursor meanwhile, at %d", seq)
		case <-time.After(200 * time.Millisecond):
		}
		return stockdb.Move(ctx, tx, 12)
	})
	if seq := <-waited; seq != 12 {
		t.Errorf("the second writer finds it at %d, want 12", seq)
	}
	<-waited
}

func TestTheLedgerIsReadPageByPage(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	booked := []stock.Movement{
		{ItemUID: "i1", ProductID: "tea", Kind: stock.MovedByOpening, Quantity: 50, Delta: 50, UID: "i1", Object: "tea", Reason: "Opening", At: at},
		{ItemUID: "i2", ProductID: "mug", Kind: stock.MovedByOpening, Quantity: 9, Delta: 9, UID: "i2", Object: "mug", Reason: "Opening", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 3, Kind: stock.MovedByCommit, Quantity: 4, Delta: -4, Remaining: ptr.To(int64(40)), UID: "r1", Object: "o-1", OrderID: "o-1", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 5, Kind: stock.MovedByAdjust, Quantity: 1, Delta: 1, Remaining: ptr.To(int64(41)), UID: "d1", Object: "count", Reason: "Applied", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 5, Kind: stock.Carried, Quantity: 2, Delta: 2, Remaining: ptr.To(int64(43)), UID: "i1", Object: "tea", Reason: "Carried", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 5, Kind: stock.Carried, Quantity: 1, Delta: 1, Remaining: ptr.To(int64(44)), UID: "i1", Object: "tea", Reason: "Carried", At: at},
	}
	balances := map[string]int64{}
	stock.Balance(balances, booked)
	write(t, pool, func(ctx context.Context, tx pgx.Tx) error { return stockdb.Book(ctx, tx, booked) })

	var read []stock.Movement
	page := stockdb.Page{Limit: 2}
	for {
		movements, next, err := stockdb.Movements(t.Context(), pool, "tea", page)
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, movements...)
		if page.Before = next; next == 0 {
			break
		}
	}
	want := []stock.Movement{booked[5], booked[4], booked[3], booked[2], booked[0]}
	if diff := cmp.Diff(want, read, cmpopts.IgnoreFields(stock.Movement{}, "No"), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("the ledger of tea (-want +got):\n%s", diff)
	}
	if read[0].OnHand != 50 {
		t.Errorf("50-4+1+2+1 is %d", read[0].OnHand)
	}
	if movements, next, err := stockdb.Movements(t.Context(), pool, "nothing", page); err != nil || len(movements) != 0 || next != 0 {
		t.Errorf("a product that nobody knows has %v, then %d, %v", movements, next, err)
	}
}

func TestADecisionMovesAnItemOnce(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	m := []stock.Movement{{ItemUID: "i1", ProductID: "tea", Seq: 3, Kind: stock.MovedByCommit, UID: "r1", Object: "o-1", At: at}}
	write(t, pool, func(ctx context.Context, tx pgx.Tx) error { return stockdb.Book(ctx, tx, m) })
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return stockdb.Book(t.Context(), tx, m) })
	if err == nil || !strings.Contains(err.Error(), "movements_once") {
		t.Errorf("the same movement a second time: %v", err)
	}
}

func item(rv string, onHand, seq int64) *v1alpha1.StockItem {
	return &v1alpha1.StockItem{
		ObjectMeta: metav1.ObjectMeta{Name: "tea", UID: "i1", ResourceVersion: rv, CreationTimestamp: metav1.NewTime(at)},
		Status:     v1alpha1.StockItemStatus{OnHand: &onHand, JournalSeq: seq},
	}
}

func TestBalancesUpToADecision(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	booked := []stock.Movement{
		{ItemUID: "i1", ProductID: "tea", Kind: stock.MovedByOpening, Delta: 50, UID: "i1", Object: "tea", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 3, Kind: stock.MovedByCommit, Delta: -4, UID: "r1", Object: "o-1", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 3, Kind: stock.Carried, Delta: 7, UID: "i1", Object: "tea", At: at},
		{ItemUID: "i1", ProductID: "tea", Seq: 9, Kind: stock.MovedByCommit, Delta: -1, UID: "r2", Object: "o-2", At: at},
	}
	stock.Balance(map[string]int64{}, booked)
	write(t, pool, func(ctx context.Context, tx pgx.Tx) error {
		if err := stockdb.Book(ctx, tx, booked); err != nil {
			return err
		}
		if err := stockdb.PutItems(ctx, tx, []*v1alpha1.StockItem{item("20", 53, 3)}); err != nil {
			return err
		}
		all, err := stockdb.Balances(ctx, tx, []string{"i1", "i9"})
		if diff := cmp.Diff(map[string]int64{"i1": 52}, all); err != nil || diff != "" {
			t.Errorf("balances (-want +got): %v\n%s", err, diff)
		}
		for _, tc := range []struct {
			why   string
			point stockdb.Point
			want  map[string]int64
		}{
			{"all of it", stockdb.Point{ItemUID: "i1", Seq: 9, Version: 20}, map[string]int64{"i1": 52}},
			{"up to the first commit", stockdb.Point{ItemUID: "i1", Seq: 3, Version: 20}, map[string]int64{"i1": 53}},
			{"the opening", stockdb.Point{ItemUID: "i1", Seq: 2, Version: 20}, map[string]int64{"i1": 50}},
			{"a version that is not the row's", stockdb.Point{ItemUID: "i1", Seq: 3, Version: 19}, map[string]int64{}},
		} {
			got, err := stockdb.BalancesUpTo(ctx, tx, []stockdb.Point{tc.point})
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%s (-want +got): %v\n%s", tc.why, err, diff)
			}
		}
		return nil
	})
}

// row is a row as a line of text.
func row(t testing.TB, pool *pgxpool.Pool, sql string) string {
	t.Helper()
	var text string
	if err := pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(x::text, ' '), '') FROM (`+sql+`) AS x`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestARowKeepsItsNewestVersion(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	put := func(o *v1alpha1.StockItem) {
		write(t, pool, func(ctx context.Context, tx pgx.Tx) error { return stockdb.PutItems(ctx, tx, []*v1alpha1.StockItem{o}) })
	}
	gone := func(uid string, rv int64) {
		write(t, pool, func(ctx context.Context, tx pgx.Tx) error {
			return stockdb.MarkGone(ctx, tx, stockdb.Items, []stockdb.Gone{{UID: uid, Version: rv}})
		})
	}
	expect := func(why, want string) {
		t.Helper()
		if got := row(t, pool, `SELECT item_uid, rv, state, quantity FROM inventory`); got != want {
			t.Errorf("%s: %s, want %s", why, got, want)
		}
	}
	put(item("20", 5, 1))
	put(item("19", 4, 1))
	expect("an older version", "(i1,20,live,5)")
	put(item("21", 6, 2))
	expect("a newer one", "(i1,21,live,6)")
	gone("other", 30)
	expect("another item is gone", "(i1,21,live,6)")
	gone("i1", 22)
	expect("it is gone", "(i1,22,gone,6)")
	put(item("23", 7, 3))
	expect("what is gone stays gone", "(i1,22,gone,6)")
	again := item("24", 8, 3)
	again.UID = "i2"
	put(again)
	expect("it is made again", "(i2,24,live,8)")
	gone("i1", 30)
	expect("the old one is gone again", "(i2,24,live,8)")
	bad := item("x", 1, 1)
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return stockdb.PutItems(t.Context(), tx, []*v1alpha1.StockItem{bad}) })
	if err == nil {
		t.Error("a resourceVersion that is no number is taken")
	}
}

func TestReservationsAndDocuments(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	meta := metav1.ObjectMeta{Name: "o-1", UID: "u1", ResourceVersion: "7", CreationTimestamp: metav1.NewTime(at)}
	r := &v1alpha1.StockReservation{ObjectMeta: meta}
	r.Spec = v1alpha1.StockReservationSpec{
		OrderRef: &v1alpha1.OrderReference{Name: "o-1", UID: "o"}, Lines: []v1alpha1.StockLine{{ProductID: "tea", Quantity: 2}}, Intent: v1alpha1.IntentHold,
	}
	r.Status.Phase = v1alpha1.ReservationPending
	d := &v1alpha1.StockAdjustment{ObjectMeta: meta}
	d.Spec = v1alpha1.StockAdjustmentSpec{ProductID: "tea", Kind: v1alpha1.AdjustmentCounted, Quantity: 5}
	d.Status.Phase = v1alpha1.AdjustmentPending
	both := func(ctx context.Context, tx pgx.Tx) error {
		if err := stockdb.PutReservations(ctx, tx, []*v1alpha1.StockReservation{r}); err != nil {
			return err
		}
		return stockdb.PutDocuments(ctx, tx, []*v1alpha1.StockAdjustment{d})
	}
	write(t, pool, both)
	r.ResourceVersion, d.ResourceVersion = "8", "8"
	r.Status.Phase, r.Status.History = v1alpha1.ReservationReserved, []v1alpha1.ReservationHistoryEntry{{Seq: 4}}
	r.Status.Allocations = []v1alpha1.StockAllocation{{ProductID: "tea", ItemUID: "i1", Quantity: 2}}
	d.Status = v1alpha1.StockAdjustmentStatus{Phase: v1alpha1.AdjustmentApplied, JournalSeq: 5, Delta: ptr.To(int64(-1)), DecidedAt: ptr.To(metav1.NewTime(at))}
	d.Status.Conditions = []metav1.Condition{{Type: v1alpha1.AdjustmentConditionApplied, Reason: "Applied"}}
	write(t, pool, both)
	if got, want := row(t, pool, `SELECT uid, rv, state, order_id, phase, lines->0->>'quantity', allocations->0->>'itemUID', journal_seq, expires_at FROM inventory_reservations`), "(u1,8,live,o-1,Reserved,2,i1,4,)"; got != want {
		t.Errorf("the reservation is %s, want %s", got, want)
	}
	if got, want := row(t, pool, `SELECT uid, rv, state, product_id, kind, quantity, phase, outcome, journal_seq, delta FROM inventory_documents`), "(u1,8,live,tea,Counted,5,Applied,Applied,5,-1)"; got != want {
		t.Errorf("the document is %s, want %s", got, want)
	}
	for _, table := range []stockdb.Table{stockdb.Reservations, stockdb.Documents} {
		if live, err := stockdb.Live(t.Context(), pool, table); err != nil || !cmp.Equal(live, []string{"u1"}) {
			t.Errorf("live in %s: %v, %v", table, live, err)
		}
		write(t, pool, func(ctx context.Context, tx pgx.Tx) error {
			return stockdb.MarkGone(ctx, tx, table, []stockdb.Gone{{UID: "u1", Version: 9}})
		})
		if live, err := stockdb.Live(t.Context(), pool, table); err != nil || len(live) != 0 {
			t.Errorf("live in %s after it is gone: %v, %v", table, live, err)
		}
	}
	r.ResourceVersion, d.ResourceVersion = "10", "10"
	write(t, pool, both)
	if got := row(t, pool, `SELECT rv, state FROM inventory_reservations`) + row(t, pool, `SELECT rv, state FROM inventory_documents`); got != "(9,gone)(9,gone)" {
		t.Errorf("what is gone came back: %s", got)
	}
}

func TestAPageIsReadByItsIndex(t *testing.T) {
	pool := testenv.Database(t, postgres.Inventory)
	if _, err := pool.Exec(t.Context(), `INSERT INTO movements (item_uid, product_id, seq, kind, quantity, delta, on_hand, uid, object, reason, at)
SELECT 'i' || n % 1000, 'p' || n % 1000, n, 'Commit', 1, -1, 0, 'r' || n, 'o' || n, '', now() FROM generate_series(1, 50000) AS n`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `ANALYZE movements`); err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(t.Context(), `EXPLAIN `+stockdb.MovementsSQL, "p7", int64(25000), 50)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "movements_by_product") || strings.Contains(text, "Seq Scan") {
		t.Errorf("a page is read by:\n%s", text)
	}
}
