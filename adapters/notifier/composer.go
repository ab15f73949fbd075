package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orderplane/orderplane/adapters/notifier/internal/channel"
	"github.com/orderplane/orderplane/adapters/notifier/internal/render"
	"github.com/orderplane/orderplane/adapters/notifier/internal/sending"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/event"
	"github.com/orderplane/orderplane/internal/domain/order"
	"github.com/orderplane/orderplane/internal/postgres/notificationdb"
	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// Renderer makes texts.
type Renderer interface {
	// Render gives the text of a template in a language, or in one that comes close to it. An error names
	// nothing of a customer.
	Render(channel v1alpha1.NotificationChannel, template, language string, facts render.Facts) (subject, text, html string, err error)
}

// composer makes messages of notifications, from their events and orders as ops_orders has them.
type composer struct {
	orders   *pgxpool.Pool
	renderer Renderer
}

// errNoOrder is why a message can not be made of an event whose order is not known any more.
const errNoOrder = composeError("ops_orders does not have the event and its order any more")

// composeError is why a message can not be made.
type composeError string

func (e composeError) Error() string { return string(e) }

// Compose is of sending.Composer.
func (c *composer) Compose(ctx context.Context, claimed []notificationdb.Claimed) ([]sending.Composed, error) {
	eventIDs, orderIDs := make([]uuid.UUID, len(claimed)), make([]string, len(claimed))
	for i := range claimed {
		eventIDs[i], orderIDs[i] = claimed[i].EventID, claimed[i].OrderID
	}
	events, err := orderdb.Events(ctx, c.orders, eventIDs)
	if err != nil {
		return nil, err
	}
	rows, err := orderdb.Lookups(ctx, c.orders, orderIDs)
	if err != nil {
		return nil, err
	}
	composed := make([]sending.Composed, len(claimed))
	for i := range claimed {
		e, told := events[claimed[i].EventID]
		row, there := rows[claimed[i].OrderID]
		if !told || !there || row.UID != claimed[i].OrderUID {
			composed[i].Err = errNoOrder
			continue
		}
		composed[i].Message, composed[i].Err = c.message(&claimed[i], &e, row.Object)
	}
	return composed, nil
}

// message makes one. What goes wrong in a template fails this message only.
func (c *composer) message(n *notificationdb.Claimed, e *event.Record, object []byte) (m channel.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while the text of %s was made", n.Template)
		}
	}()
	var o v1alpha1.Order
	if err := json.Unmarshal(object, &o); err != nil {
		return channel.Message{}, errors.New("the row of the order in ops_orders can't be read")
	}
	facts, err := factsOf(e, &o, currencyOf(&o))
	if err != nil {
		return channel.Message{}, err
	}
	m = channel.Message{
		ID: n.ID.String(), OrderID: n.OrderID, CustomerID: n.CustomerID, Template: string(n.Template),
		Recipient: n.Recipient, At: n.HappenedAt,
	}
	if contact := o.Spec.Contact; contact != nil {
		m.Language = contact.Language
	}
	m.Subject, m.Text, m.HTML, err = c.renderer.Render(n.Channel, m.Template, m.Language, facts)
	return m, err
}

// currencyOf is the currency of an order's prices, empty for one that ended before it was known.
func currencyOf(o *v1alpha1.Order) v1alpha1.Currency {
	if o.Spec.Currency == "" && o.Status.Currency == "" {
		return ""
	}
	return order.CurrencyOf(o, nil)
}
