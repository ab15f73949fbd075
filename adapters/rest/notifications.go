package rest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/internal/kube/cachedclient"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
)

// notices reads what customers were told, which only the database has. Its zero value has none.
type notices struct {
	notifications notificationdb.Querier
	reading       *breaker
}

func newNotices(notifications notificationdb.Querier) notices {
	return notices{notifications: notifications, reading: newBreaker(postgresNotifications, databaseWithin, isDatabaseOutage)}
}

// ask runs queries of the database, if there is one.
func (n notices) ask(ctx context.Context, query func(context.Context) error) error {
	if n.notifications == nil {
		return &problem{
			status: http.StatusServiceUnavailable, code: codeServiceUnavailable, cause: errNoDatabase,
			message: "notifications are kept in the mirror's databases, and none serves this namespace (MIRRORED_NAMESPACES)",
		}
	}
	if err := n.reading.call(ctx, query); err != nil {
		return databaseAway(err)
	}
	return nil
}

// page is a part of an order's notifications, and how many there are in all.
func (n notices) page(ctx context.Context, orderID string, asked notificationdb.Page) (found []notificationdb.Notification, total int, err error) {
	err = n.ask(ctx, func(ctx context.Context) (err error) {
		if total, err = notificationdb.Count(ctx, n.notifications, orderID); err != nil {
			return err
		}
		found, err = notificationdb.List(ctx, n.notifications, orderID, asked)
		return err
	})
	return found, total, err
}

// one is the notification of an id, nil when there is none.
func (n notices) one(ctx context.Context, id uuid.UUID) (*notificationdb.Notification, error) {
	var (
		found notificationdb.Notification
		ok    bool
	)
	err := n.ask(ctx, func(ctx context.Context) (err error) {
		found, ok, err = notificationdb.Get(ctx, n.notifications, id)
		return err
	})
	if err != nil || !ok {
		return nil, err
	}
	return &found, nil
}

// ListNotifications shows a page of what was told about an order, newest first.
func (h *handlers) ListNotifications(ctx context.Context, request wire.ListNotificationsRequestObject) (wire.ListNotificationsResponseObject, error) {
	orderID := request.Params.OrderId
	seesAll := callFrom(ctx).who.SeesAll()
	if !seesAll {
		if err := h.mayReadAbout(ctx, orderID); err != nil {
			return nil, err
		}
	}
	asked := wire.NotificationPage{PageSize: defaultPageSize}
	if request.Params.PageSize != nil {
		asked.PageSize = *request.Params.PageSize
	}
	if request.Params.Page != nil {
		asked.Page = *request.Params.Page
	}
	found, total, err := h.notices.page(ctx, orderID, notificationdb.Page{Offset: asked.Page * asked.PageSize, Limit: asked.PageSize})
	if err != nil {
		return nil, err
	}
	if total == 0 && seesAll {
		// Nobody was told anything so far, or there never was such an order.
		if err := h.mayReadAbout(ctx, orderID); err != nil {
			return nil, err
		}
	}
	asked.Total, asked.Notifications = total, make([]wire.Notification, len(found))
	for i := range found {
		asked.Notifications[i] = notificationView(&found[i])
	}
	return wire.ListNotifications200JSONResponse(asked), nil
}

// GetNotification shows one notification. One about somebody else's order is as good as none.
func (h *handlers) GetNotification(ctx context.Context, request wire.GetNotificationRequestObject) (wire.GetNotificationResponseObject, error) {
	id, err := uuid.Parse(request.NotificationId)
	if err != nil {
		return nil, invalidRequest(wire.FieldError{Field: "notificationId", Message: "is not a UUID"})
	}
	found, err := h.notices.one(ctx, id)
	if err != nil {
		return nil, err
	}
	none := notFound(fmt.Sprintf("there is no notification %q", request.NotificationId))
	if found == nil {
		return nil, none
	}
	if !callFrom(ctx).who.SeesAll() {
		switch err := h.mayReadAbout(ctx, found.OrderID); {
		case isNoSuchOrder(err):
			return nil, none
		case err != nil:
			return nil, err
		}
	}
	return wire.GetNotification200JSONResponse(notificationView(found)), nil
}

// mayReadAbout refuses who may not see an order, in the cluster or out of it. An order that can't
// be decoded is the caller's all the same.
func (h *handlers) mayReadAbout(ctx context.Context, orderID string) error {
	if _, err := h.orderOrArchived(ctx, orderID); err != nil && !cachedclient.WasSetAside(err) {
		return err
	}
	return nil
}

func notificationView(n *notificationdb.Notification) wire.Notification {
	view := wire.Notification{
		Id: n.ID.String(), OrderId: n.OrderID, Channel: n.Channel, Recipient: n.Recipient, Template: n.Template,
		Status: n.Status, Attempts: n.Attempts, CreatedAt: n.CreatedAt.UTC(),
	}
	if n.SentAt != nil {
		sent := n.SentAt.UTC()
		view.SentAt = &sent
	}
	return view
}
