package order_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/approval"
	"github.com/orderplane/orderplane/internal/domain/order"
)

// sim is a world of one order: an API server that fences writes by version, a
// stock side with a shelf, people, and the order controller around the judge. It
// writes down what happens.
type sim struct {
	t      *testing.T
	log    strings.Builder
	now    time.Time
	onHand map[string]int64
	// madeAgain counts how often an item was deleted and made again.
	madeAgain map[string]int
	// basket is what a basket of the customer's holds, by product; nil when there is none.
	basket  map[string]int64
	order   *v1alpha1.Order
	rsv     *v1alpha1.StockReservation
	journal v1alpha1.StockJournal
	classes []v1alpha1.OrderClass
	version int
	// stockIsAway stops the stock side, controllerIsAway the order controller.
	stockIsAway, controllerIsAway bool
	// effectsAreLate has the stock side journal what it decides and not write it to the reservation.
	effectsAreLate bool
	// mirrored has a mirror serve this world; mirrorIsAway stops it.
	mirrored, mirrorIsAway bool
}

func newSim(t *testing.T) *sim {
	return &sim{t: t, now: created(), onHand: map[string]int64{"prod-001": 10, "prod-002": 10}, madeAgain: map[string]int{}}
}

func (s *sim) say(who, format string, args ...any) {
	fmt.Fprintf(&s.log, "%-10s %-7s %s\n", "+"+s.now.Sub(created()).String(), who, fmt.Sprintf(format, args...))
}

func (s *sim) nextVersion() string {
	s.version++
	return fmt.Sprint(s.version)
}

// place creates the order.
func (s *sim) place(edit ...func(*v1alpha1.Order)) {
	o := anOrder().order()
	o.CreationTimestamp = metav1.NewTime(s.now)
	if s.mirrored {
		order.CompleteMirrored(o)
	}
	for _, e := range edit {
		e(o)
	}
	o.UID = types.UID("order-" + s.nextVersion())
	o.ResourceVersion = s.nextVersion()
	s.order = o
	var lines []string
	for _, item := range o.Spec.Items {
		lines = append(lines, fmt.Sprintf("%s x%d at %s", item.ProductID, item.Quantity, item.UnitPrice))
	}
	s.say("person", "place %s", strings.Join(lines, ", "))
	s.settle()
}

// edit changes the order's spec, past admission.
func (s *sim) edit(what string, change func(*v1alpha1.OrderSpec)) {
	s.editUnseen(what, change)
	s.settle()
}

func (s *sim) editUnseen(what string, change func(*v1alpha1.OrderSpec)) {
	s.order = s.order.DeepCopy()
	change(&s.order.Spec)
	s.order.Generation++
	s.order.ResourceVersion = s.nextVersion()
	s.say("person", "%s", what)
}

// meddle changes the reservation by hand; nil deletes it.
func (s *sim) meddle(what string, change func(*v1alpha1.StockReservation)) {
	s.say("admin", "%s", what)
	if change == nil {
		s.rsv = nil
	} else {
		s.rsv = s.rsv.DeepCopy()
		change(s.rsv)
		s.rsv.ResourceVersion = s.nextVersion()
	}
	s.settle()
}

// pass lets time go by, looking when the last decision asked to.
func (s *sim) pass(d time.Duration) {
	until := s.now.Add(d)
	for s.order != nil && !s.controllerIsAway {
		wait := order.Judge(s.facts()).RequeueAfter
		if wait <= 0 || s.now.Add(wait).After(until) {
			break
		}
		s.now = s.now.Add(wait)
		s.settle()
	}
	s.now = until
	s.settle()
}

func (s *sim) facts() order.Facts {
	f := order.Facts{Order: s.order, Reservation: s.asDecided(), Mirrored: s.mirrored, Now: s.now}
	if s.order == nil {
		return f
	}
	f.Class = order.ClassOf(s.order.Spec.ClassName, s.classes)
	policy := order.PolicyOf(s.order, f.Class)
	if !order.NeedsAutoApproval(s.order, policy) {
		return f
	}
	f.AutoApproval = &order.AutoApproval{}
	rule, err := approval.Compile(policy.AutoApproveReturns)
	if err == nil {
		f.AutoApproval.Approved, err = rule.Approves(s.order)
	}
	if err != nil {
		f.AutoApproval.Problem = err.Error()
	}
	return f
}

// settle lets both controllers work until neither has anything to do.
func (s *sim) settle() {
	s.t.Helper()
	for range 20 {
		moved := !s.controllerIsAway && s.step(s.facts())
		moved = !s.stockIsAway && s.stock() || moved
		moved = s.mirrored && !s.mirrorIsAway && s.mirror() || moved
		if !moved {
			return
		}
	}
	s.t.Fatalf("never comes to rest:\n%s", s.log.String())
}

// step judges facts, which may be old, and does what is decided.
func (s *sim) step(f order.Facts) bool {
	var d order.Decision
	if f.Order == nil {
		d = order.Orphan(f.Reservation)
	} else {
		d = order.Judge(f)
	}
	switch d.Act {
	case order.Nothing:
		return false
	case order.WriteStatus:
		if s.order == nil || s.order.ResourceVersion != f.Order.ResourceVersion {
			s.say("judge", "%s: write status: conflict", d.Rule)
			return true
		}
		s.say("judge", "%s: %s", d.Rule, difference(&s.order.Status, d.Status))
		s.order = s.order.DeepCopy()
		s.order.Status = *d.Status
		s.order.ResourceVersion = s.nextVersion()
	case order.DropFinalizer:
		s.say("judge", "%s: let the order go", d.Rule)
		s.setFinalizers(order.WithoutFinalizer(s.order))
	case order.RestoreFinalizers:
		if s.order == nil || s.order.ResourceVersion != f.Order.ResourceVersion {
			s.say("judge", "%s: put the finalizers back: conflict", d.Rule)
			return true
		}
		s.say("judge", "%s: put the finalizers back", d.Rule)
		s.setFinalizers(d.Order)
	case order.DeleteOrder:
		s.say("judge", "%s: delete the order", d.Rule)
		s.deleteOrder()
	default:
		s.actOnReservation(d)
	}
	return true
}

func (s *sim) actOnReservation(d order.Decision) {
	switch d.Act {
	case order.CreateReservation:
		if s.rsv != nil {
			s.say("judge", "%s: create reservation: already exists", d.Rule)
			return
		}
		s.rsv = d.Reservation.DeepCopy()
		s.rsv.UID = types.UID("rsv-" + s.nextVersion())
		s.rsv.Status.Phase = v1alpha1.ReservationPending
		text := lineText(s.rsv.Spec.Lines)
		if from := s.rsv.Spec.TakeOver; from != nil {
			text += ", taking over " + from.Name + " of " + s.rsv.Spec.CustomerID
		}
		s.say("judge", "%s: create reservation %s", d.Rule, text)
	case order.UpdateReservation:
		if s.rsv == nil || s.rsv.ResourceVersion != d.Reservation.ResourceVersion {
			s.say("judge", "%s: set intent %s: conflict", d.Rule, d.Reservation.Spec.Intent)
			return
		}
		status := s.rsv.Status
		s.rsv = d.Reservation.DeepCopy()
		s.rsv.Status = status
		restock := ""
		if s.rsv.Spec.Restock != nil {
			restock = " " + lineText(*s.rsv.Spec.Restock)
		}
		s.say("judge", "%s: set intent %s%s", d.Rule, s.rsv.Spec.Intent, restock)
	case order.DeleteReservation:
		s.say("judge", "%s: delete the reservation", d.Rule)
		s.deleteReservation()
		return
	}
	s.rsv.ResourceVersion = s.nextVersion()
}

// deleteOrder is a DELETE at the API server: a finalizer makes it wait.
func (s *sim) deleteOrder() {
	if len(s.order.Finalizers) == 0 {
		s.order = nil
		return
	}
	s.order = s.order.DeepCopy()
	now := metav1.NewTime(s.now)
	s.order.DeletionTimestamp = &now
	s.order.ResourceVersion = s.nextVersion()
}

// end is how the world looks when the sequence is over.
func (s *sim) end() string {
	fmt.Fprintln(&s.log)
	if s.order == nil {
		fmt.Fprintln(&s.log, "order        gone")
	} else {
		describe(&s.log, s.order)
	}
	if s.rsv == nil {
		fmt.Fprintln(&s.log, "reservation  none")
	} else {
		fmt.Fprintf(&s.log, "reservation  %s, intent %s\n", s.rsv.Status.Phase, s.rsv.Spec.Intent)
	}
	var products []string
	for product, n := range s.onHand {
		products = append(products, fmt.Sprintf("%s %d", product, n))
	}
	sort.Strings(products)
	fmt.Fprintf(&s.log, "on hand      %s\n", strings.Join(products, ", "))
	return s.log.String()
}

func describe(w *strings.Builder, o *v1alpha1.Order) {
	st := &o.Status
	fmt.Fprintf(w, "order        %s", st.Phase)
	for _, extra := range []string{string(st.CancelledReason), st.TotalAmount, string(st.Currency)} {
		if extra != "" {
			fmt.Fprintf(w, " %s", extra)
		}
	}
	if st.RefundAmount != "" {
		fmt.Fprintf(w, ", refund %s", st.RefundAmount)
	}
	fmt.Fprintln(w)
	for _, item := range st.ReturnedItems {
		fmt.Fprintf(w, "returned     line %d: %s x%d, %d of them to the shelf\n", item.Line, item.ProductID, item.Quantity, item.Restock)
	}
	if len(st.NotRestocked) > 0 {
		fmt.Fprintf(w, "not back     %s\n", lineText(st.NotRestocked))
	}
	for _, e := range st.History {
		fmt.Fprintf(w, "history      %s\n", entryText(e))
	}
	for _, c := range st.Conditions {
		fmt.Fprintf(w, "condition    %s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
}

func entryText(e v1alpha1.OrderHistoryEntry) string {
	text := fmt.Sprintf("%d %s %s", e.Seq, e.At.UTC().Format("01-02 15:04:05"), e.Type)
	for _, part := range []struct{ name, value string }{{"", e.Reason}, {"request ", e.RequestID}, {"by ", e.By}, {"worth ", e.RefundAmount}} {
		if part.value != "" {
			text += " " + part.name + part.value
		}
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// difference is what a status write changes, in a few words.
func difference(was, is *v1alpha1.OrderStatus) string {
	var parts []string
	if was.Phase != is.Phase {
		parts = append(parts, fmt.Sprintf("%s -> %s", was.Phase, is.Phase))
	}
	if is.Return != nil && (was.Return == nil || was.Return.State != is.Return.State || was.Return.RequestID != is.Return.RequestID) {
		text := fmt.Sprintf("return %s %s", is.Return.RequestID, is.Return.State)
		if is.Return.State == v1alpha1.ReturnRequested {
			text += ", worth " + is.Return.RefundAmount
		}
		if is.Return.State == v1alpha1.ReturnRefused {
			text += ": " + is.Return.Message
		}
		parts = append(parts, text)
	}
	for _, c := range is.Conditions {
		if isProblem(c) && !contains(was.Conditions, c) {
			parts = append(parts, fmt.Sprintf("%s %s", c.Type, c.Reason))
		}
	}
	for _, c := range was.Conditions {
		if isProblem(c) && !hasType(is.Conditions, c.Type) {
			parts = append(parts, "no longer "+c.Type)
		}
	}
	if len(parts) == 0 {
		return "answers the spec"
	}
	return strings.Join(parts, ", ")
}

func isProblem(c metav1.Condition) bool {
	return c.Type == v1alpha1.OrderConditionStalled || c.Type == v1alpha1.OrderConditionIntentRefused
}

func contains(all []metav1.Condition, c metav1.Condition) bool {
	for _, other := range all {
		if other.Type == c.Type && other.Reason == c.Reason && other.Message == c.Message {
			return true
		}
	}
	return false
}

func hasType(all []metav1.Condition, kind string) bool {
	for _, c := range all {
		if c.Type == kind {
			return true
		}
	}
	return false
}

func lineText(lines []v1alpha1.StockLine) string {
	if len(lines) == 0 {
		return "nothing"
	}
	var parts []string
	for _, line := range lines {
		parts = append(parts, fmt.Sprintf("%s x%d", line.ProductID, line.Quantity))
	}
	return strings.Join(parts, ", ")
}
