package performance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
)

// rawTemplates are the four writes of one order, taken from an order that the
// system itself decided, so that the raw limit is about objects of that size.
type rawTemplates struct {
	order             template
	reservation       template
	reservationStatus template
	orderStatus       template
	outcome           v1alpha1.OrderPhase
}

// samples is how many decided orders the raw writer's templates are taken from:
// enough for a workload's mix of granted and rejected ones.
const samples = 20

// sampleOrders reads decided orders and makes templates of them.
func (s *stage) sampleOrders(ctx context.Context, names []string) ([]rawTemplates, error) {
	var out []rawTemplates
	for _, name := range names {
		o, r := &v1alpha1.Order{}, &v1alpha1.StockReservation{}
		if err := s.loader.get(ctx, resourcePath(ordersNamespace, "orders")+"/"+name, o); err != nil {
			return nil, fmt.Errorf("sample an order: %w", err)
		}
		if err := s.loader.get(ctx, resourcePath(ordersNamespace, "stockreservations")+"/"+name, r); err != nil {
			return nil, fmt.Errorf("sample a reservation: %w", err)
		}
		t, err := newRawTemplates(o, r)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func newRawTemplates(o *v1alpha1.Order, r *v1alpha1.StockReservation) (rawTemplates, error) {
	t := rawTemplates{outcome: o.Status.Phase}
	for _, part := range []struct {
		into   *template
		object any
	}{
		{&t.order, rawOrder(o)},
		{&t.reservation, rawReservation(r)},
		{&t.reservationStatus, rawReservationStatus(r)},
		{&t.orderStatus, rawOrderStatus(o)},
	} {
		body, err := json.Marshal(part.object)
		if err != nil {
			return t, fmt.Errorf("encode a sample: %w", err)
		}
		*part.into = newTemplate(body)
	}
	return t, nil
}

// rawOrder is what a client sends to create the order.
func rawOrder(o *v1alpha1.Order) *v1alpha1.Order {
	return &v1alpha1.Order{
		TypeMeta: o.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rawNamespace, Name: gapName.mark(),
			Labels: o.Labels, Annotations: o.Annotations, Finalizers: o.Finalizers,
		},
		Spec: o.Spec,
	}
}

// rawReservation is what the order controller sends to create the reservation.
func rawReservation(r *v1alpha1.StockReservation) *v1alpha1.StockReservation {
	c := &v1alpha1.StockReservation{
		TypeMeta: r.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rawNamespace, Name: gapName.mark(),
			Labels: r.Labels, Annotations: r.Annotations, Finalizers: r.Finalizers,
		},
		Spec: *r.Spec.DeepCopy(),
	}
	for _, owner := range r.OwnerReferences {
		owner.Name, owner.UID = gapName.mark(), types.UID(gapOrderUID.mark())
		c.OwnerReferences = append(c.OwnerReferences, owner)
	}
	if c.Spec.OrderRef != nil {
		c.Spec.OrderRef = &v1alpha1.OrderReference{Name: gapName.mark(), UID: gapOrderUID.mark()}
	}
	return c
}

// rawReservationStatus is what the stock controller sends: a status, and whose it is.
func rawReservationStatus(r *v1alpha1.StockReservation) *v1alpha1.StockReservation {
	return &v1alpha1.StockReservation{
		TypeMeta: r.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rawNamespace, Name: gapName.mark(),
			UID: types.UID(gapUID.mark()), ResourceVersion: gapVersion.mark(),
		},
		Status: r.Status,
	}
}

// rawOrderStatus is what the order controller sends: a status, and whose it is.
func rawOrderStatus(o *v1alpha1.Order) *v1alpha1.Order {
	c := &v1alpha1.Order{
		TypeMeta: o.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rawNamespace, Name: gapName.mark(),
			UID: types.UID(gapUID.mark()), ResourceVersion: gapVersion.mark(),
		},
		Status: *o.Status.DeepCopy(),
	}
	if c.Status.Reservation != nil {
		c.Status.Reservation.Name = gapName.mark()
	}
	return c
}

// raw writes orders one after the other as they are in the end.
func (s *stage) raw(templates []rawTemplates) submitter {
	orders := resourcePath(rawNamespace, "orders")
	reservations := resourcePath(rawNamespace, "stockreservations")
	return func(ctx context.Context) (submission, error) {
		n := s.numbers.next()
		t := &templates[n%len(templates)]
		f := filling{gapName: ids.Order(rawNamespace, "raw", fmt.Sprint(n))}
		start := time.Now()
		order, err := s.loader.write(ctx, http.MethodPost, orders, t.order.fill(f))
		if err != nil {
			return submission{}, err
		}
		created := time.Now()
		f[gapOrderUID] = order.UID
		reservation, err := s.loader.write(ctx, http.MethodPost, reservations, t.reservation.fill(f))
		if err != nil {
			return submission{}, err
		}
		f[gapUID], f[gapVersion] = reservation.UID, reservation.ResourceVersion
		if _, err := s.loader.write(ctx, http.MethodPut, reservations+"/"+f[gapName]+"/status", t.reservationStatus.fill(f)); err != nil {
			return submission{}, err
		}
		f[gapUID], f[gapVersion] = order.UID, order.ResourceVersion
		if _, err := s.loader.write(ctx, http.MethodPut, orders+"/"+f[gapName]+"/status", t.orderStatus.fill(f)); err != nil {
			return submission{}, err
		}
		end := time.Now()
		return submission{name: f[gapName], create: created.Sub(start), decided: end.Sub(start), phase: t.outcome, end: end}, nil
	}
}
