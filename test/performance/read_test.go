package performance

import (
	"encoding/json"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

func TestCPUTimeOfAProcessWithAnAwkwardName(t *testing.T) {
	stat := "4711 (kube) 1 (x) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 12 0 100 200 300"
	got, err := parseCPUTime([]byte(stat))
	if err != nil || got != 3*time.Second {
		t.Errorf("got %s, %v; want 3s", got, err)
	}
	if _, err := parseCPUTime([]byte("nothing")); err == nil {
		t.Error("nonsense was read")
	}
}

func TestCPUTimeOfAFamilyIsTheParentsWithItsDeadAndItsChildrens(t *testing.T) {
	for name, tc := range map[string]struct {
		stat string
		want time.Duration
	}{
		"the parent":         {"10 (postgres) S 1 2 3 4 5 6 7 8 9 10 100 100 300 500 20 0", 10 * time.Second},
		"its child":          {"11 (postgres: ops) S 10 2 3 4 5 6 7 8 9 10 100 100 300 500 20 0", 2 * time.Second},
		"somebody else's":    {"12 (postgres) S 11 2 3 4 5 6 7 8 9 10 100 100 300 500 20 0", 0},
		"an awkward name's":  {"13 (10) 10 (10) S 12 2 3 4 5 6 7 8 9 10 100 100 300 500 20 0", 0},
		"a child of no name": {"14 () R 10 2 3 4 5 6 7 8 9 10 100 0 300 500 20 0", time.Second},
	} {
		if got, err := familyShare([]byte(tc.stat), 10); err != nil || got != tc.want {
			t.Errorf("%s adds %s (%v), want %s", name, got, err, tc.want)
		}
	}
	if _, err := familyShare([]byte("nothing"), 10); err == nil {
		t.Error("nonsense was read")
	}
}

func TestMachineTimeLeavesOutIdleAndGuests(t *testing.T) {
	got, err := parseMachineTime([]byte("cpu  100 10 50 9000 800 5 15 20 7 7\ncpu0 1 1 1 1 1 1 1 1 0 0\n"))
	if err != nil || got != 2*time.Second {
		t.Errorf("got %s, %v; want 2s", got, err)
	}
	if _, err := parseMachineTime([]byte("intr 1 2 3")); err == nil {
		t.Error("nonsense was read")
	}
}

func TestMemoryFields(t *testing.T) {
	status := []byte("Name:\tmanager\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
	if got := kibField(status, "VmRSS:"); got != 1024 {
		t.Errorf("VmRSS: %d", got)
	}
	if got := kibField(status, "VmSwap:"); got != 0 {
		t.Errorf("what is not there: %d", got)
	}
	if got, err := heapAlloc("heap profile\n# runtime.MemStats\n# HeapAlloc = 1234\n# Sys = 9\n"); err != nil || got != 1234 {
		t.Errorf("HeapAlloc: %d, %v", got, err)
	}
}

// What the raw writer sends is what an order's own objects hold, under other names.
func TestRawWritesAreTheSystemsOwn(t *testing.T) {
	order := newOrder("sample", "cust-001", []v1alpha1.OrderItem{{ProductID: "prod-0001", Quantity: 2, UnitPrice: "1.50"}})
	order.UID, order.ResourceVersion = "order-uid", "7"
	order.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "somebody"}}
	order.Status = v1alpha1.OrderStatus{Phase: v1alpha1.OrderConfirmed, Reservation: &v1alpha1.OrderReservation{Name: "sample"}}
	reservation := &v1alpha1.StockReservation{
		ObjectMeta: metav1.ObjectMeta{
			Name: "sample", UID: "reservation-uid", ResourceVersion: "8", Generation: 1,
			OwnerReferences: []metav1.OwnerReference{{Kind: "Order", Name: "sample", UID: "order-uid"}},
		},
		Spec: v1alpha1.StockReservationSpec{
			OrderRef: &v1alpha1.OrderReference{Name: "sample", UID: "order-uid"},
			Lines:    []v1alpha1.StockLine{{ProductID: "prod-0001", Quantity: 2}},
		},
		Status: v1alpha1.StockReservationStatus{Phase: v1alpha1.ReservationReserved},
	}
	raw, err := newRawTemplates(order, reservation)
	if err != nil {
		t.Fatal(err)
	}
	f := filling{gapName: "n", gapUID: "u", gapOrderUID: "o", gapVersion: "99"}

	var created v1alpha1.StockReservation
	decode(t, raw.reservation.fill(f), &created)
	if created.Namespace != rawNamespace || created.Name != "n" || created.UID != "" ||
		created.OwnerReferences[0].UID != types.UID("o") || created.Spec.OrderRef.UID != "o" || created.Status.Phase != "" {
		t.Errorf("reservation to create: %+v", created)
	}
	var reserved v1alpha1.StockReservation
	decode(t, raw.reservationStatus.fill(f), &reserved)
	if reserved.UID != "u" || reserved.ResourceVersion != "99" || reserved.Status.Phase != v1alpha1.ReservationReserved {
		t.Errorf("reservation status: %+v", reserved)
	}
	var sent, confirmed v1alpha1.Order
	decode(t, raw.order.fill(f), &sent)
	if sent.ResourceVersion != "" || sent.ManagedFields != nil || sent.Spec.CustomerID != "cust-001" {
		t.Errorf("order to create: %+v", sent)
	}
	decode(t, raw.orderStatus.fill(f), &confirmed)
	if confirmed.ResourceVersion != "99" || confirmed.Status.Reservation.Name != "n" || confirmed.Status.Phase != v1alpha1.OrderConfirmed {
		t.Errorf("order status: %+v", confirmed)
	}
	if order.Status.Reservation.Name != "sample" {
		t.Error("the sample was changed")
	}
}

func decode(t *testing.T, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
}

func TestTemplatesKeepWhatIsBetweenTheGaps(t *testing.T) {
	text := cut([]byte(`{"name":"abc","owner":"order-1","uid":"res-1","again":"abc"}`),
		filling{gapName: "abc", gapOrderUID: "order-1", gapUID: "res-1"})
	got := string(text.fill(filling{gapName: "x", gapOrderUID: "y", gapUID: "z"}))
	if want := `{"name":"x","owner":"y","uid":"z","again":"x"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(newTemplate([]byte("plain")).fill(filling{})); got != "plain" {
		t.Errorf("a text without gaps: %q", got)
	}
}

func TestCacheChecksAreOursOnly(t *testing.T) {
	page := `# TYPE apiserver_storage_consistency_checks_total counter
apiserver_storage_consistency_checks_total{group="orderplane.dev",resource="orders",status="success"} 2
apiserver_storage_consistency_checks_total{group="orderplane.dev",resource="stockreservations",status="error"} 1
apiserver_storage_consistency_checks_total{group="",resource="pods",status="success"} 5
`
	if got, err := sumOfMetric(page, cacheCheckMetric, ofOurKinds); err != nil || got != 3 {
		t.Errorf("got %v, %v; want 3", got, err)
	}
}
