package rest

import (
	"context"
	"net/http"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/internal/domain/mirror/stock"
	"github.com/orderplane/orderplane/internal/postgres/stockdb"
)

// ledger reads the movements of stock, which only the database has. Its zero value has none.
type ledger struct {
	inventory stockdb.Querier
	reading   *breaker
}

func newLedger(inventory stockdb.Querier) ledger {
	return ledger{inventory: inventory, reading: newBreaker(postgresInventory, databaseWithin, isDatabaseOutage)}
}

// ListMovements shows a page of what moved the stock of a product, newest first.
func (h *handlers) ListMovements(ctx context.Context, request wire.ListMovementsRequestObject) (wire.ListMovementsResponseObject, error) {
	if err := requireSight(ctx); err != nil {
		return nil, err
	}
	if !isName(request.ProductId) {
		return nil, noSuchProduct(request.ProductId)
	}
	asked := stockdb.Page{Limit: defaultPageSize}
	if request.Params.PageSize != nil {
		asked.Limit = *request.Params.PageSize
	}
	if request.Params.Before != nil {
		asked.Before = *request.Params.Before
	}
	movements, next, err := h.ledger.page(ctx, request.ProductId, asked)
	if err != nil {
		return nil, err
	}
	if len(movements) == 0 {
		// Nothing moved so far, or there never was such a product.
		if _, err := h.item(ctx, request.ProductId); err != nil {
			return nil, err
		}
	}
	page := wire.MovementPage{Movements: make([]wire.Movement, len(movements)), PageSize: asked.Limit}
	for i := range movements {
		page.Movements[i] = movementView(&movements[i])
	}
	if next > 0 {
		page.Next = &next
	}
	return wire.ListMovements200JSONResponse(page), nil
}

func (l ledger) page(ctx context.Context, productID string, asked stockdb.Page) (movements []stock.Movement, next int64, err error) {
	if l.inventory == nil {
		return nil, 0, &problem{
			status: http.StatusServiceUnavailable, code: codeServiceUnavailable, cause: errNoDatabase,
			message: "movements are kept by the mirror, and none serves this namespace (MIRRORED_NAMESPACES)",
		}
	}
	err = l.reading.call(ctx, func(ctx context.Context) (err error) {
		movements, next, err = stockdb.Movements(ctx, l.inventory, productID, asked)
		return err
	})
	if err != nil {
		return nil, 0, databaseAway(err)
	}
	return movements, next, nil
}

func movementView(m *stock.Movement) wire.Movement {
	return wire.Movement{
		No: m.No, At: m.At.UTC(), Kind: string(m.Kind), Quantity: m.Quantity, Delta: m.Delta, OnHand: m.OnHand,
		RemainingQty: m.Remaining, JournalSeq: m.Seq, ItemUid: m.ItemUID, Source: m.Object, OrderId: m.OrderID, Reason: m.Reason,
	}
}
