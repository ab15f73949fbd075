package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/internal/listing"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// defaultPageSize is the page size of lists that name none.
const defaultPageSize = 20

// ListOrders shows a page of a customer's orders, newest first: those of the cluster, and those that have
// left it, in one list.
func (h *handlers) ListOrders(ctx context.Context, request wire.ListOrdersRequestObject) (wire.ListOrdersResponseObject, error) {
	customer, err := listedCustomer(ctx, request.Params.CustomerId)
	if err != nil {
		return nil, err
	}
	window, err := windowOf(request.Params)
	if err != nil {
		return nil, err
	}
	live, err := h.liveOrders(ctx, customer, request.Params)
	if err != nil {
		return nil, err
	}
	list := newOrderList(window, live)
	if h.archive != nil {
		// Live orders are shown without the others rather than not at all.
		list.isPartial = h.archive.list(ctx, filterOf(customer, request.Params, live), list) != nil
	}
	page := list.page()
	if request.Params.Page != nil {
		page.Page = *request.Params.Page
	}
	return wire.ListOrders200JSONResponse(page), nil
}

// windowOf is the part of the list that is asked for.
func windowOf(params wire.ListOrdersParams) (w listing.Window, err error) {
	var wrong []wire.FieldError
	if from, to := params.From, params.To; from != nil && to != nil && from.After(*to) {
		wrong = append(wrong, wire.FieldError{Field: "from", Message: "is after to; nothing can lie between them"})
	}
	if w.Size = defaultPageSize; params.PageSize != nil {
		w.Size = *params.PageSize
	}
	if params.Page != nil {
		w.Offset = *params.Page * w.Size
	}
	if params.Cursor != nil {
		after, err := listing.ParseCursor(*params.Cursor)
		switch {
		case err != nil:
			wrong = append(wrong, wire.FieldError{Field: "cursor", Message: err.Error()})
		case params.Page != nil:
			wrong = append(wrong, wire.FieldError{Field: "cursor", Message: "is given beside page; a page goes on where its cursor says, or is counted, not both"})
		}
		w.After = &after
	}
	if len(wrong) > 0 {
		return w, invalidRequest(wrong...)
	}
	return w, nil
}

// listedCustomer says whose orders are listed; everybody's when it is empty.
func listedCustomer(ctx context.Context, asked *string) (string, error) {
	who := callFrom(ctx).who
	switch {
	case asked == nil && who.SeesAll():
		return "", nil
	case asked == nil || *asked == who.Subject:
		return who.Subject, nil
	case who.SeesAll():
		return *asked, nil
	default:
		return "", forbidden("customerId must be the subject of your token; only the roles ops and viewer list what belongs to others")
	}
}

// placed is an order of the cluster and its place, by what is stored with it and in its row: so every gateway lists
// in the same way, also after a restart, and after an order has left the cluster.
type placed struct {
	place listing.Place
	order *v1alpha1.Order
}

// liveOrders are the orders of the cluster that are asked for, newest first.
func (h *handlers) liveOrders(ctx context.Context, customer string, params wire.ListOrdersParams) ([]placed, error) {
	// What the cache holds is only read here, so it need not be copied.
	options := []client.ListOption{client.InNamespace(h.cluster.namespace), client.UnsafeDisableDeepCopy}
	if customer != "" {
		options = append(options, client.MatchingFields{customerIndex: customer})
	}
	var list v1alpha1.OrderList
	if err := h.cluster.list(ctx, &list, options...); err != nil {
		return nil, err
	}
	found := make([]placed, 0, len(list.Items))
	add := func(o *v1alpha1.Order) {
		if params.Status != nil && statusOf(o.Status.Phase) != *params.Status {
			return
		}
		created := v1alpha1.ListedAt(o)
		if (params.From == nil || !created.Before(*params.From)) && (params.To == nil || created.Before(*params.To)) {
			found = append(found, placed{listing.PlaceAt(created, o.Name), o})
		}
	}
	for i := range list.Items {
		add(&list.Items[i])
	}
	for _, o := range h.cluster.fresh.beside(h.cluster.has) {
		if customer == "" || customer == o.Spec.CustomerID {
			add(o)
		}
	}
	slices.SortFunc(found, func(a, b placed) int { return listing.Compare(a.place, b.place) })
	return found, nil
}

// filterOf asks the database for the same. Orders that are on their way out are the cluster's still.
func filterOf(customer string, params wire.ListOrdersParams, live []placed) orderdb.Filter {
	f := orderdb.Filter{CustomerID: customer, From: params.From, To: params.To}
	if params.Status != nil {
		f.Status = string(*params.Status)
	}
	for _, l := range live {
		if _, leaving := l.order.Annotations[v1alpha1.LeavingAnnotation]; leaving || l.order.DeletionTimestamp != nil {
			f.Except = append(f.Except, l.order.Name)
		}
	}
	return f
}

// orderList is a list of orders, of which a window is shown.
type orderList struct {
	window listing.Window
	live   []placed
	// places are those of live.
	places []listing.Place
	// left are places of orders that have left the cluster, leftTotal how many there are, and rows are those of
	// them that are shown.
	left      []listing.Place
	leftTotal int
	rows      map[string]*v1alpha1.Order
	isPartial bool
}

func newOrderList(w listing.Window, live []placed) *orderList {
	places := make([]listing.Place, len(live))
	for i := range live {
		places[i] = live[i].place
	}
	return &orderList{window: w, live: live, places: places}
}

// liveAt is the order of the cluster at a place, nil when that is none of them.
func (l *orderList) liveAt(p listing.Place) *v1alpha1.Order {
	if at, is := slices.BinarySearchFunc(l.places, p, listing.Compare); is {
		return l.live[at].order
	}
	return nil
}

func (l *orderList) page() wire.OrderPage {
	page := wire.OrderPage{Orders: []wire.Order{}, Total: len(l.live) + l.leftTotal, PageSize: l.window.Size, Partial: l.isPartial}
	places, isMore := l.window.Fill(l.places, l.left)
	for _, p := range places {
		order := l.liveAt(p)
		if order == nil {
			order = l.rows[p.ID]
		}
		if order != nil {
			page.Orders = append(page.Orders, listView(order))
		}
	}
	if isMore {
		page.NextCursor = listing.Cursor(places[len(places)-1])
	}
	return page
}

// list asks for what has left the cluster.
func (a *archive) list(ctx context.Context, f orderdb.Filter, l *orderList) error {
	if a.orders == nil {
		return errNoDatabase
	}
	var (
		left []listing.Place
		n    int
		rows map[string]orderdb.Row
	)
	err := a.asking.callWithin(ctx, databaseWithin, func(ctx context.Context) (err error) {
		if left, err = orderdb.List(ctx, a.orders, f, l.window.Ask(len(l.live))); err != nil {
			return err
		}
		if n, err = orderdb.Count(ctx, a.orders, f); err != nil || len(left) == 0 {
			return err
		}
		rows, err = orderdb.Lookups(ctx, a.orders, l.shownOf(left))
		return err
	})
	if err != nil {
		return err
	}
	l.rows = make(map[string]*v1alpha1.Order, len(rows))
	for id, row := range rows {
		known := &v1alpha1.Order{}
		if err := json.Unmarshal(row.Object, known); err != nil {
			return fmt.Errorf("decode the archived order %s: %w", id, err)
		}
		l.rows[id] = known
	}
	l.left, l.leftTotal = left, n
	return nil
}

// shownOf are the ids of those orders that left the cluster which the window shows.
func (l *orderList) shownOf(left []listing.Place) []string {
	places, _ := l.window.Fill(l.places, left)
	ids := make([]string, 0, len(places))
	for _, p := range places {
		if l.liveAt(p) == nil {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
