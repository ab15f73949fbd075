package event_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

// anOrder is a new order of three lines, with everything that a spec may say of it.
func anOrder(id string, history ...v1alpha1.OrderHistoryEntry) *v1alpha1.Order {
	o := &v1alpha1.Order{}
	o.Name, o.UID = id, types.UID("3c1f4f9e-7a55-4f0e-9d0c-"+fmt.Sprintf("%012x", len(id)))
	o.CreationTimestamp = metav1.NewTime(noon().In(time.FixedZone("Paris", 3600)))
	o.Annotations = map[string]string{v1alpha1.TraceParentAnnotation: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	o.Spec = v1alpha1.OrderSpec{
		CustomerID: "cust-001", Currency: "EUR",
		Items: []v1alpha1.OrderItem{
			{ProductID: "prod-001", Quantity: 2, UnitPrice: "12.5"},
			{ProductID: "prod-002", Quantity: 1, UnitPrice: "0.0125"},
			{ProductID: "prod-001", Quantity: 3, UnitPrice: "10"},
		},
		ShippingAddress: v1alpha1.Address{Name: "Ines <Löwe> & Co", Street: "1 Harbour Road", City: "Hamburg", Country: "DE", Zip: "20457"},
		Contact:         &v1alpha1.Contact{Email: "ines@example.com", Language: "de"},
	}
	for i, e := range history {
		e.Seq, e.At = int64(i+1), metav1.NewTime(noon().Add(time.Duration(i)*time.Minute))
		o.Status.History = append(o.Status.History, e)
	}
	return o
}

func told(t v1alpha1.OrderHistoryType, edit ...func(*v1alpha1.OrderHistoryEntry)) v1alpha1.OrderHistoryEntry {
	e := v1alpha1.OrderHistoryEntry{Type: t}
	for _, change := range edit {
		change(&e)
	}
	return e
}

func because(reason, message string) func(*v1alpha1.OrderHistoryEntry) {
	return func(e *v1alpha1.OrderHistoryEntry) { e.Reason, e.Message = reason, message }
}

func part(id, refund string, units ...v1alpha1.LineUnits) func(*v1alpha1.OrderHistoryEntry) {
	return func(e *v1alpha1.OrderHistoryEntry) { e.RequestID, e.RefundAmount, e.Units = id, refund, units }
}

// orders are lives of orders of which the bytes are pinned.
func orders() map[string]*v1alpha1.Order {
	fulfilled := func(more ...v1alpha1.OrderHistoryEntry) *v1alpha1.Order {
		o := anOrder("returned", append([]v1alpha1.OrderHistoryEntry{
			told(v1alpha1.HistoryCreated),
			told(v1alpha1.HistoryConfirmed, because("", "every line was reserved")),
			told(v1alpha1.HistoryFulfilled, because("", "shipped with DHL, tracking number 42")),
		}, more...)...)
		o.Spec.Fulfillment = &v1alpha1.Fulfillment{Carrier: "DHL", TrackingNumber: "42"}
		return o
	}
	short := anOrder("short",
		told(v1alpha1.HistoryCreated),
		told(v1alpha1.HistoryCancelRequested, because("INSUFFICIENT_STOCK", "prod-001 is short: 5 asked, 4 available; prod-002 does not exist")),
		told(v1alpha1.HistoryCancelled, because("INSUFFICIENT_STOCK", "prod-001 is short: 5 asked, 4 available; prod-002 does not exist")))
	short.Status.Shortages = []v1alpha1.StockShortage{
		{ProductID: "prod-001", Requested: 5, Available: 4, Reason: v1alpha1.ShortageInsufficientStock},
		{ProductID: "prod-002", Requested: 1, Reason: v1alpha1.ShortageUnknownProduct},
	}
	yen := anOrder("yen")
	yen.Spec.Currency, yen.Spec.Contact, yen.Annotations = "JPY", &v1alpha1.Contact{}, nil
	yen.Spec.Items = []v1alpha1.OrderItem{{ProductID: "prod-001", Quantity: 3, UnitPrice: "0.5"}, {ProductID: "prod-003", Quantity: 1000000, UnitPrice: "999999999999"}}
	nobodyKnows := anOrder("no-currency", told(v1alpha1.HistoryCreated), told(v1alpha1.HistoryCancelled, because("SLA_TIMEOUT", "no stock was reserved within 15m0s")))
	nobodyKnows.Spec.Currency = ""
	return map[string]*v1alpha1.Order{
		"created":     anOrder("created"),
		"yen":         yen,
		"no-currency": nobodyKnows,
		"short":       short,
		"cancelled": anOrder("cancelled", told(v1alpha1.HistoryCreated), told(v1alpha1.HistoryConfirmed, because("", "every line was reserved")),
			told(v1alpha1.HistoryCancelled, because("CUSTOMER_REQUEST", "cancelled on request"))),
		"returned-in-parts": fulfilled(
			told(v1alpha1.HistoryReturnRequested, because("", "does not fit"), part("r1", "", v1alpha1.LineUnits{Line: 1, Quantity: 2})),
			told(v1alpha1.HistoryReturnRejected, because("", "it was worn"), part("r1", "")),
			told(v1alpha1.HistoryReturnRequested, because("", "does not fit"), part("r2", "", v1alpha1.LineUnits{Line: 3, Quantity: 1})),
			told(v1alpha1.HistoryReturned, because("Approved", "put back on the shelf"), part("r2", "10.00", v1alpha1.LineUnits{Line: 3, Quantity: 1})),
			told(v1alpha1.HistoryRefundRequested, because("", "10.00 EUR"), part("r2", "10.00")),
			told(v1alpha1.HistoryReturnRequested, because("", "broken"), part("r3", "", v1alpha1.LineUnits{Line: 1, Quantity: 2}, v1alpha1.LineUnits{Line: 2, Quantity: 1}, v1alpha1.LineUnits{Line: 3, Quantity: 2})),
			told(v1alpha1.HistoryReturned, because("AutoApproved", "put back on the shelf"), part("r3", "45.01", v1alpha1.LineUnits{Line: 1, Quantity: 2}, v1alpha1.LineUnits{Line: 2, Quantity: 1}, v1alpha1.LineUnits{Line: 3, Quantity: 2})),
			told(v1alpha1.HistoryRefundRequested, because("", "45.01 EUR"), part("r3", "45.01")),
		),
		"returned-as-told-before-units": fulfilled(
			told(v1alpha1.HistoryReturnRequested, because("", "does not fit")),
			told(v1alpha1.HistoryReturned, because("Approved", "put back on the shelf")),
			told(v1alpha1.HistoryRefundRequested, because("", "55.01 EUR")),
		),
		"of-a-newer-version": anOrder("newer", told(v1alpha1.HistoryCreated), told("Repacked", because("Damaged", "in a new box"))),
	}
}

// write renders records as the golden files have them.
func write(records []event.Record) string {
	var text strings.Builder
	for i := range records {
		r := &records[i]
		fmt.Fprintf(&text, "%s %s\n", r.Topic, r.Key)
		for _, h := range r.Headers() {
			fmt.Fprintf(&text, "  %s: %s\n", h.Key, h.Value)
		}
		fmt.Fprintf(&text, "%s\n", r.Value)
	}
	return text.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with go test ./internal/domain/event -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the bytes of events never change (-want +got)\n%s", diff)
	}
}

func TestGoldenOrders(t *testing.T) {
	for name, o := range orders() {
		records, err := event.OfOrder(o, 0)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "order-"+name, write(records))
	}
}

func TestGoldenStock(t *testing.T) {
	golden(t, "stock", write(stockRecords()))
}

func stockRecords() []event.Record {
	records := []event.Record{event.OfOpening("item-1", "prod-001", 20, noon())}
	for i, kind := range []v1alpha1.JournalEntryKind{
		v1alpha1.EntryGrant, v1alpha1.EntryReject, v1alpha1.EntryRelease, v1alpha1.EntryCommit,
		v1alpha1.EntryRestock, v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject,
	} {
		e := entryOf(kind, int64(i)+1802995200<<20)
		d := event.DecisionOfEntry(e)
		d.OrderID, d.TraceID = "order-1", "trace-1"
		if kind == v1alpha1.EntryAdjust {
			d.OrderID, d.TraceID = "", ""
		}
		records = append(records, event.OfDecision(d)...)
	}
	return records
}

func entryOf(kind v1alpha1.JournalEntryKind, seq int64) *v1alpha1.JournalEntry {
	e := &v1alpha1.JournalEntry{
		Seq: seq, Kind: kind, Name: "order-1", UID: "b8c9a4a0-0000-4000-8000-000000000001", At: metav1.NewTime(noon()),
		Lines: []v1alpha1.JournalLine{{ProductID: "prod-001", ItemUID: "item-1", Quantity: 5, Remaining: 15}, {ProductID: "prod-002", ItemUID: "item-2", Quantity: 1}},
	}
	switch kind {
	case v1alpha1.EntryReject:
		e.Reason = "INSUFFICIENT_STOCK"
		e.Lines[1].Shortage = v1alpha1.ShortageInsufficientStock
	case v1alpha1.EntryRelease:
		e.Reason = "TakenOver"
	case v1alpha1.EntryRestock:
		e.Reason, e.Lines[1].NotMoved = "ItemGone", 1
	case v1alpha1.EntryAdjust, v1alpha1.EntryAdjustReject:
		onHand := int64(13)
		e.Name, e.Reason, e.Lines = "count-7", "Applied", e.Lines[:1]
		e.Lines[0].Quantity, e.Lines[0].OnHand = -7, &onHand
	}
	return e
}
