//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const samples = "../../config/samples/"

// TestTheStackAsAStrangerUsesIt is one story: each part finds what the part
// before left behind.
func TestTheStackAsAStrangerUsesIt(t *testing.T) {
	binary := buildBinary(t)
	dir := filepath.Join(t.TempDir(), ".local")
	t.Cleanup(func() { // root's temporary folders are closed to Postgres, whose data is elsewhere then
		if elsewhere, err := os.Readlink(filepath.Join(dir, "postgres")); err == nil {
			_ = os.RemoveAll(elsewhere)
		}
	})
	s := startStack(t, binary, dir)
	story := []struct {
		name string
		tell func(*testing.T, *stack)
	}{
		{"an order by REST is confirmed", orderByREST},
		{"an order by manifest is confirmed", orderByManifest},
		{"too large an order is cancelled and holds nothing", orderTooLarge},
		{"cancel gives back, fulfil takes, a document adds once", stockMoves},
		{"bad orders are refused with the field's name", badOrders},
		{"the roles may do no more than they need", leastPrivilege},
		{"a second stack on the same folder is refused", secondStack},
		{"a gateway is replaced ten times under load", replacedGateways},
		{"creates are repeated while Redis and gateways are killed", repeatedCreates},
		{"the Swagger UI places an order, offline", orderBySwaggerUI},
		{"the manager is killed amid 200 orders for 120 units", killedManager},
	}
	for _, part := range story {
		if !t.Run(part.name, func(t *testing.T) { s.t = t; part.tell(t, s) }) {
			t.FailNow()
		}
	}
	s.t = t
	restart(t, s)
}

func orderByREST(t *testing.T, s *stack) {
	o := s.place(line{"prod-001", 2}, line{"prod-002", 1})
	_, took := s.waitOrder(o.OrderID, "CONFIRMED")
	t.Logf("confirmed after %s", took.Round(time.Millisecond))
	if o.TotalAmount != "37.50" {
		t.Errorf("total is %s, want 37.50", o.TotalAmount)
	}
	if table := s.kubectl("get", "orders"); !strings.Contains(table, o.OrderID) || !strings.Contains(table, "37.50") {
		t.Errorf("kubectl get orders does not show %s with its total:\n%s", o.OrderID, table)
	}
	s.waitStock("prod-001", 10000, 2)
	table := strings.Fields(s.kubectl("get", "stk", "prod-001", "--no-headers"))
	if len(table) < 4 || table[1] != "10000" || table[2] != "2" || table[3] != "9998" {
		t.Errorf("kubectl get stk shows %v, want 10000 on hand, 2 reserved, 9998 available", table)
	}
}

func orderByManifest(t *testing.T, s *stack) {
	s.kubectl("apply", "-f", samples)
	s.kubectl("wait", "--for=condition=Confirmed", "ord/sample-order", "--timeout=15s")
	if table := s.kubectl("get", "ord", "sample-order"); !strings.Contains(table, "Confirmed") || !strings.Contains(table, "32.90") {
		t.Errorf("kubectl get ord shows\n%s", table)
	}
	s.waitStock("prod-001", 10000, 4)
	s.waitMails("sample-order", 2) // created and confirmed
}

// waitMails waits until the mail server of the stack has so many mails that name an order.
func (s *stack) waitMails(order string, n int) {
	s.t.Helper()
	eventually(s.t, time.Minute, func(context.Context) string {
		files, err := filepath.Glob(filepath.Join(s.dir, "mails", "*.eml"))
		if err != nil {
			return err.Error()
		}
		found := 0
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), order) {
				found++
			}
		}
		if found != n {
			return fmt.Sprintf("%d mails name %s, want %d", found, order, n)
		}
		return ""
	})
}

func orderTooLarge(t *testing.T, s *stack) {
	o := s.place(line{"prod-001", 1}, line{"prod-004", 6})
	o, _ = s.waitOrder(o.OrderID, "CANCELLED")
	if o.CancelledReason != "INSUFFICIENT_STOCK" {
		t.Errorf("cancelled for %q, want INSUFFICIENT_STOCK", o.CancelledReason)
	}
	var stored v1alpha1.Order
	if err := s.client().Get(t.Context(), client.ObjectKey{Namespace: "default", Name: o.OrderID}, &stored); err != nil {
		t.Fatal(err)
	}
	if short := stored.Status.Shortages; len(short) != 1 || short[0].ProductID != "prod-004" {
		t.Errorf("shortages are %+v, want prod-004 alone", short)
	}
	s.waitStock("prod-004", 6, 0)
	s.waitStock("prod-001", 10000, 4)
}

func stockMoves(t *testing.T, s *stack) {
	ops := s.env["OPS_TOKEN"]
	cancelled, shipped := s.place(line{"prod-003", 10}), s.place(line{"prod-003", 20})
	s.waitOrder(cancelled.OrderID, "CONFIRMED")
	s.waitOrder(shipped.OrderID, "CONFIRMED")
	s.waitStock("prod-003", 170, 30)

	s.do(http.StatusOK, http.MethodDelete, "/api/orders/"+cancelled.OrderID, s.env["CUSTOMER_TOKEN"], `{"reason": "CUSTOMER_REQUEST"}`)
	s.waitOrder(cancelled.OrderID, "CANCELLED")
	s.waitStock("prod-003", 170, 20)

	s.do(http.StatusOK, http.MethodPost, "/api/orders/"+shipped.OrderID+"/fulfill", ops, `{"carrier": "DHL"}`)
	s.waitOrder(shipped.OrderID, "FULFILLED")
	s.waitStock("prod-003", 150, 0)
	s.do(http.StatusConflict, http.MethodDelete, "/api/orders/"+shipped.OrderID, s.env["CUSTOMER_TOKEN"], `{"reason": "CUSTOMER_REQUEST"}`)

	for range 3 {
		s.kubectl("apply", "-f", samples+"stockadjustment.yaml")
	}
	s.waitStock("prod-003", 150, 0)
	s.do(http.StatusOK, http.MethodPut, "/api/inventory/prod-003/stock", ops, `{"delta": 5, "reason": "found behind the shelf"}`)
	s.waitStock("prod-003", 155, 0)
	if t.Failed() {
		t.Log(s.kubectl("get", "ord,rsv,stk,adj"))
	}
}

func badOrders(t *testing.T, s *stack) {
	for field, lines := range map[string][]line{
		"quantity":  {{"prod-001", 0}},
		"items":     {},
		"productId": {{"Not A Product", 1}},
	} {
		a := s.do(http.StatusBadRequest, http.MethodPost, "/api/orders", s.env["CUSTOMER_TOKEN"], orderBody(lines...))
		if !strings.Contains(a.body, field) || !strings.Contains(a.body, "INVALID_REQUEST") {
			t.Errorf("the refusal does not name %s: %s", field, a.body)
		}
	}
}

// leastPrivilege asks the API server about the accounts the roles run under.
func leastPrivilege(t *testing.T, s *stack) {
	const account = "system:serviceaccount:ops-system:orderplane-"
	tests := []struct {
		role, verb, resource string
		want                 bool
	}{
		{"gateway", "create", "orders.orderplane.dev", true},
		{"gateway", "update", "orders.orderplane.dev/status", false},
		{"gateway", "patch", "orders.orderplane.dev/status", false},
		{"gateway", "patch", "stockitems.orderplane.dev/status", false},
		{"gateway", "update", "stockreservations.orderplane.dev/status", false},
		{"gateway", "create", "stockadjustments.orderplane.dev", true},
		{"gateway", "patch", "stockadjustments.orderplane.dev/status", false},
		{"gateway", "delete", "orders.orderplane.dev", false},
		{"gateway", "get", "stockjournals.orderplane.dev", false},
		{"gateway", "get", "secrets", false},
		{"manager", "update", "orders.orderplane.dev/status", true},
		{"manager", "create", "orders.orderplane.dev", false},
		{"manager", "list", "secrets", false},
		{"manager", "create", "pods", false},
	}
	for _, tt := range tests {
		resource, subresource, _ := strings.Cut(tt.resource, "/")
		ask := exec.CommandContext(t.Context(), s.env["KUBECTL"], "--kubeconfig", s.env["KUBECONFIG"], "auth", "can-i",
			tt.verb, resource, "--subresource="+subresource, "--as="+account+tt.role)
		out, _ := ask.CombinedOutput() // it fails for "no"
		if got := strings.HasPrefix(string(out), "yes"); got != tt.want {
			t.Errorf("%s may %s %s: %v, want %v (%s)", tt.role, tt.verb, tt.resource, got, tt.want, out)
		}
	}
}

func secondStack(t *testing.T, s *stack) {
	second := exec.CommandContext(t.Context(), s.binary, append([]string{"local", "--dir", s.dir}, freePorts()...)...)
	out, err := second.CombinedOutput()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || !strings.Contains(string(out), "already running") {
		t.Errorf("got %v:\n%s", err, out)
	}
}

// killedManager is 200 orders at once, in the middle of which the manager is
// killed without warning. The stack starts it again.
func killedManager(t *testing.T, s *stack) {
	const orders, units = 200, 120
	c := s.client()
	item := &v1alpha1.StockItem{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hot"},
		Spec:       v1alpha1.StockItemSpec{OpeningQuantity: units},
	}
	if err := c.Create(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	manager := s.children()["manager"]
	if manager == 0 {
		t.Fatalf("the stack has no manager: %v", s.children())
	}
	ids := s.placeAtOnce(orders, "hot", func(placed int) {
		if placed == orders/4 {
			_ = syscall.Kill(manager, syscall.SIGKILL)
		}
	})
	if alive(manager) {
		eventually(t, 5*time.Second, func(context.Context) string {
			if s.children()["manager"] == manager {
				return "the manager that was killed is still there"
			}
			return ""
		})
	}
	s.waitLine("manager is back")

	counts := s.waitDecided(c, ids)
	if counts["Confirmed"] != units || counts["Cancelled INSUFFICIENT_STOCK"] != orders-units {
		t.Errorf("orders ended as %v, want %d confirmed and %d cancelled for want of stock", counts, units, orders-units)
	}
	var reservations v1alpha1.StockReservationList
	if err := c.List(t.Context(), &reservations, client.InNamespace("default")); err != nil {
		t.Fatal(err)
	}
	var reserved int64
	for _, r := range reservations.Items {
		if r.Spec.Lines[0].ProductID == "hot" && r.Status.Phase == v1alpha1.ReservationReserved {
			reserved += r.Spec.Lines[0].Quantity
		}
	}
	if reserved != units {
		t.Errorf("%d units are reserved, want %d", reserved, units)
	}
	s.waitStock("hot", units, units)
	s.cancelAll(ids, counts["Confirmed"])
	s.waitStock("hot", units, 0)
}

// placeAtOnce places n orders of one unit from many clients; after is told how
// many have been placed so far.
func (s *stack) placeAtOnce(n int, product string, after func(placed int)) []string {
	s.t.Helper()
	var (
		mu     sync.Mutex
		ids    []string
		failed []string
		wg     sync.WaitGroup
	)
	for range n {
		wg.Go(func() {
			a, err := s.request(s.t.Context(), http.MethodPost, "/api/orders", s.env["CUSTOMER_TOKEN"], orderBody(line{product, 1}))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || a.status != http.StatusCreated {
				failed = append(failed, fmt.Sprintf("%d %s %v", a.status, a.body, err))
				return
			}
			ids = append(ids, a.order(s.t).OrderID)
			after(len(ids))
		})
	}
	wg.Wait()
	if len(failed) > 0 {
		s.t.Fatalf("%d of %d creates failed, the first: %s", len(failed), n, failed[0])
	}
	return ids
}

// waitDecided waits until none of the orders is Pending, and counts how they ended.
func (s *stack) waitDecided(c client.Client, ids []string) map[string]int {
	s.t.Helper()
	var counts map[string]int
	eventually(s.t, time.Minute, func(ctx context.Context) string {
		var list v1alpha1.OrderList
		if err := c.List(ctx, &list, client.InNamespace("default")); err != nil {
			return err.Error()
		}
		byName := make(map[string]*v1alpha1.Order, len(list.Items))
		for i := range list.Items {
			byName[list.Items[i].Name] = &list.Items[i]
		}
		counts = map[string]int{}
		for _, id := range ids {
			o := byName[id]
			if o == nil {
				return fmt.Sprintf("order %s is lost", id)
			}
			end := string(o.Status.Phase)
			if o.Status.CancelledReason != "" {
				end += " " + string(o.Status.CancelledReason)
			}
			counts[end]++
		}
		if counts["Pending"] > 0 {
			return fmt.Sprintf("%d orders are pending: %v", counts["Pending"], counts)
		}
		return ""
	})
	return counts
}

// cancelAll asks to cancel every order, and counts those that this cancelled.
func (s *stack) cancelAll(ids []string, want int) {
	s.t.Helper()
	cancelled := 0
	for _, id := range ids {
		a, err := s.request(s.t.Context(), http.MethodDelete, "/api/orders/"+id, s.env["CUSTOMER_TOKEN"], `{"reason": "CUSTOMER_REQUEST"}`)
		if err != nil {
			s.t.Fatal(err)
		}
		if a.status != http.StatusOK {
			s.t.Errorf("a cancel answers %d: %s", a.status, a.body)
		}
		if strings.Contains(a.body, `"cancelledReason":"CUSTOMER_REQUEST"`) { // the others were cancelled before
			cancelled++
		}
	}
	if cancelled != want {
		s.t.Errorf("%d orders could be cancelled, want the %d that were confirmed", cancelled, want)
	}
}

// restart stops the stack with Ctrl-C, sees that nothing is left running, and
// finds the data again at the second start.
func restart(t *testing.T, s *stack) {
	children := s.children()
	for _, name := range []string{"etcd", "kube-apiserver", "manager", "gateway", "mirror", "notifier", "postgres"} {
		if children[name] == 0 {
			t.Errorf("the stack runs %v, and no %s", children, name)
		}
	}
	began := time.Now()
	if err := s.interrupt(); err != nil {
		t.Errorf("after Ctrl-C the stack ends with %v", err)
	}
	took := time.Since(began)
	t.Logf("stopped after %s", took.Round(time.Millisecond))
	if took > 15*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	for name, pid := range children {
		if alive(pid) {
			t.Errorf("%s is still running", name)
		}
	}

	before := s.env
	again := startStack(t, s.binary, s.dir)
	for _, name := range []string{"KUBECONFIG", "DB_URL_ORDERS", "DB_URL_INVENTORY", "DB_URL_NOTIFICATIONS", "KAFKA_BOOTSTRAP"} {
		if again.env[name] != before[name] || before[name] == "" {
			t.Errorf("%s was %q and is %q", name, before[name], again.env[name])
		}
	}
	again.waitStock("prod-003", 155, 0)
	if phase := again.kubectl("get", "ord", "sample-order", "-o", "jsonpath={.status.phase}"); phase != "Confirmed" {
		t.Errorf("after a restart the sample order is %q, want Confirmed", phase)
	}
	o := again.place(line{"prod-001", 1})
	again.waitOrder(o.OrderID, "CONFIRMED")
	if err := again.interrupt(); err != nil {
		t.Errorf("after a second Ctrl-C the stack ends with %v", err)
	}
}
