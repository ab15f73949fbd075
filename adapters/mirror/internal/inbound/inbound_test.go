package inbound_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const deadLetters = "orderplane_mirror_dead_letters_total"

var _ = Describe("A request on order.cancel.requested", func() {
	It("cancels an order, and does no harm when it comes twice", func(ctx context.Context) {
		w := newWorld()
		w.consume(clock.RealClock{})
		o := w.order(ctx, "o-1", v1alpha1.OrderPending)
		record := &kgo.Record{Key: []byte(o.Name), Value: []byte(request(o.Name, "PAYMENT_FAILED"))}
		w.ask(ctx, record)
		Eventually(w.seen(ctx, o)).Should(HaveField("Spec.Cancellation", HaveValue(HaveField("Reason", v1alpha1.CancelPaymentFailed))))
		again := *record
		w.ask(ctx, &again)
		Eventually(w.outcomes).Should(Equal(map[string]int{"cancelled": 1, "settled": 1}))
		Eventually(func() int64 { return w.committed(ctx) }).Should(BeEquivalentTo(2))
		Expect(w.seen(ctx, o)(NewGomega(Fail))).To(HaveField("Generation", BeEquivalentTo(2)))
		Expect(w.deadLetters(ctx)).To(BeEmpty())
		Expect(w.stage.Snapshot().Err).NotTo(HaveOccurred())
	}, SpecTimeout(time.Minute))

	It("is done when the order can't be cancelled any more", func(ctx context.Context) {
		w := newWorld()
		w.archive = []string{"o-archived"}
		w.consume(clock.RealClock{})
		for _, phase := range []v1alpha1.OrderPhase{v1alpha1.OrderFulfilled, v1alpha1.OrderReturned, v1alpha1.OrderCancelled} {
			o := w.order(ctx, "o-"+string(phase[0]+'a'-'A'), phase)
			w.ask(ctx, &kgo.Record{Key: []byte(o.Name), Value: []byte(request(o.Name, "CUSTOMER_REQUEST"))})
			DeferCleanup(func(ctx context.Context) {
				Expect(w.seen(ctx, o)(NewGomega(Fail))).To(HaveField("Spec.Cancellation", BeNil()))
			})
		}
		w.ask(ctx, &kgo.Record{Value: []byte(request("o-archived", "CUSTOMER_REQUEST"))})
		Eventually(w.outcomes).Should(Equal(map[string]int{"settled": 4}))
		Expect(w.deadLetters(ctx)).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("is passed over when Orderplane wrote it, and when it is older than the order", func(ctx context.Context) {
		w := newWorld()
		w.consume(clock.RealClock{})
		o := w.order(ctx, "o-1", v1alpha1.OrderPending)
		ours := kgo.RecordHeader{Key: "ce_source", Value: []byte("/orderplane")}
		w.ask(ctx, &kgo.Record{Value: []byte(request(o.Name, "CUSTOMER_REQUEST")), Headers: []kgo.RecordHeader{ours}})
		w.ask(ctx, &kgo.Record{Value: []byte(request(o.Name, "CUSTOMER_REQUEST")), Timestamp: o.CreationTimestamp.Add(-time.Second)})
		Eventually(w.outcomes).Should(Equal(map[string]int{"own": 1, "outdated": 1}))
		Expect(w.seen(ctx, o)(NewGomega(Fail))).To(HaveField("Spec.Cancellation", BeNil()))
		theirs := kgo.RecordHeader{Key: "ce_source", Value: []byte("/shop")}
		w.ask(ctx, &kgo.Record{Value: []byte(request(o.Name, "CUSTOMER_REQUEST")), Headers: []kgo.RecordHeader{theirs}})
		Eventually(w.seen(ctx, o)).Should(HaveField("Spec.Cancellation", Not(BeNil())))
	}, SpecTimeout(time.Minute))

	It("waits for an API server that is away, and is no dead letter", func(ctx context.Context) {
		w := newWorld()
		w.consume(hurry())
		o := w.order(ctx, "o-1", v1alpha1.OrderConfirmed)
		w.away.Store(true)
		w.ask(ctx, &kgo.Record{Value: []byte(request(o.Name, "CUSTOMER_REQUEST"))})
		Eventually(func() error { return w.stage.Snapshot().Err }).Should(MatchError(ContainSubstring("the API server is away")))
		Expect(w.stage.Snapshot().Waiting).To(Equal(1))
		Consistently(w.outcomes).Should(BeEmpty())
		Expect(w.committed(ctx)).To(BeZero())
		w.away.Store(false)
		Eventually(w.seen(ctx, o)).Should(HaveField("Spec.Cancellation", Not(BeNil())))
		Eventually(func() error { return w.stage.Snapshot().Err }).Should(Succeed())
		Expect(w.deadLetters(ctx)).To(BeEmpty())
	}, SpecTimeout(time.Minute))

	It("comes again when the mirror ended before its effect", func(ctx context.Context) {
		w := newWorld()
		stop := w.consume(hurry())
		o := w.order(ctx, "o-1", v1alpha1.OrderPending)
		w.away.Store(true)
		w.ask(ctx, &kgo.Record{Value: []byte(request(o.Name, "CUSTOMER_REQUEST"))})
		Eventually(func() error { return w.stage.Snapshot().Err }).Should(HaveOccurred())
		stop()
		w.away.Store(false)
		Expect(w.committed(ctx)).To(BeZero())
		w.consume(hurry())
		Eventually(w.seen(ctx, o)).Should(HaveField("Spec.Cancellation", Not(BeNil())))
		Eventually(func() int64 { return w.committed(ctx) }).Should(BeEquivalentTo(1))
	}, SpecTimeout(time.Minute))

	It("becomes a dead letter after three more tries, after 1, 2 and 4 s", func(ctx context.Context) {
		w := newWorld()
		c := clocktesting.NewFakeClock(time.Now())
		w.consume(c)
		w.ask(ctx, &kgo.Record{Value: []byte(request("nobody", "CUSTOMER_REQUEST"))})
		for try, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			Eventually(w.reads.Count).Should(BeEquivalentTo(try + 1))
			Eventually(c.HasWaiters).Should(BeTrue())
			c.Step(pause - time.Millisecond)
			Consistently(w.reads.Count).Should(BeEquivalentTo(try + 1))
			Expect(w.deadLetters(ctx)).To(BeEmpty())
			c.Step(time.Millisecond)
		}
		Eventually(func() int { return len(w.deadLetters(ctx)) }).Should(Equal(1))
		Expect(w.reads.Count()).To(BeEquivalentTo(4))
		Eventually(w.outcomes).Should(Equal(map[string]int{"dead_letter": 1, deadLetters: 1}))
	}, SpecTimeout(time.Minute))

	It("cancels an order that appears between the tries", func(ctx context.Context) {
		w := newWorld()
		c := clocktesting.NewFakeClock(time.Now())
		w.consume(c)
		w.ask(ctx, &kgo.Record{Value: []byte(request("o-1", "CUSTOMER_REQUEST")), Timestamp: time.Now().Add(time.Minute)})
		Eventually(c.HasWaiters).Should(BeTrue())
		o := w.order(ctx, "o-1", v1alpha1.OrderPending)
		c.Step(time.Second)
		Eventually(w.seen(ctx, o)).Should(HaveField("Spec.Cancellation", Not(BeNil())))
		Eventually(w.outcomes).Should(Equal(map[string]int{"cancelled": 1}))
	}, SpecTimeout(time.Minute))

	DescribeTable("is a dead letter with key, value and headers as they were", func(ctx context.Context, value, why string) {
		w := newWorld()
		w.consume(hurry())
		good := w.order(ctx, "good", v1alpha1.OrderPending)
		at := time.Date(2026, 11, 23, 12, 0, 0, int(5*time.Millisecond), time.UTC)
		w.ask(ctx, &kgo.Record{
			Key: []byte("key"), Value: []byte(value), Timestamp: at,
			Headers: []kgo.RecordHeader{{Key: "X-Trace-Id", Value: []byte("t-1")}, {Key: "dlt-error", Value: []byte("of an earlier time")}},
		})
		w.ask(ctx, &kgo.Record{Key: []byte("key"), Value: []byte(request(good.Name, "CUSTOMER_REQUEST"))})
		Eventually(func() []*kgo.Record { return w.deadLetters(ctx) }).Should(HaveLen(1))
		letter := w.deadLetters(ctx)[0]
		Expect(string(letter.Key)).To(Equal("key"))
		Expect(string(letter.Value)).To(Equal(value))
		headers := map[string]string{}
		for _, h := range letter.Headers {
			headers[h.Key] += string(h.Value)
		}
		Expect(headers).To(HaveKeyWithValue("dlt-error", ContainSubstring(why)))
		Expect(headers["dlt-partition"]).To(MatchRegexp("^[012]$"))
		delete(headers, "dlt-error")
		delete(headers, "dlt-partition")
		Expect(headers).To(Equal(map[string]string{
			"X-Trace-Id": "t-1", "dlt-topic": topic, "dlt-offset": "0",
			"dlt-group": "orderplane-mirror-" + w.namespace, "dlt-timestamp": "2026-11-23T12:00:00.005Z",
		}))
		Eventually(w.outcomes).Should(Equal(map[string]int{"dead_letter": 1, deadLetters: 1, "cancelled": 1}), "the record behind it is handled")
		Eventually(func() int64 { return w.committed(ctx) }).Should(BeEquivalentTo(2))
	},
		Entry("no JSON", "cancel o-1", "no JSON", SpecTimeout(time.Minute)),
		Entry("no value", "", "no JSON", SpecTimeout(time.Minute)),
		Entry("an unknown reason", request("good", "BORED"), "payload.reason", SpecTimeout(time.Minute)),
		Entry("an unknown order", request("nobody", "CUSTOMER_REQUEST"), "there is no order nobody", SpecTimeout(time.Minute)),
	)

	It("is held up by no hundred bad ones", func(ctx context.Context) {
		w := newWorld()
		w.consume(hurry())
		for range 100 {
			w.ask(ctx, &kgo.Record{Value: []byte("bad")})
		}
		o := w.order(ctx, "o-1", v1alpha1.OrderPending)
		w.ask(ctx, &kgo.Record{Value: []byte(request(o.Name, "CUSTOMER_REQUEST"))})
		Eventually(w.outcomes).Should(Equal(map[string]int{"dead_letter": 100, deadLetters: 100, "cancelled": 1}))
		Expect(w.deadLetters(ctx)).To(HaveLen(100))
	}, SpecTimeout(time.Minute))
})

var _ = Describe("A topic with another number of partitions", func() {
	It("is told by the stage, and nothing is consumed", func(ctx context.Context) {
		w := newWorld(kfake.SeedTopics(2, topic))
		w.consume(hurry())
		Eventually(func() error { return w.stage.Snapshot().Err }).Should(MatchError(ContainSubstring("order.cancel.requested has 2 partitions and needs 3")))
	}, SpecTimeout(time.Minute))
})
