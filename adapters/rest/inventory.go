package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/ids"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/internal/domain/number"
	"github.com/orderplane/orderplane/internal/domain/stock"
)

// defaultAdjustReason stands on a stock document whose request gives none.
const defaultAdjustReason = "REST adjustment"

// GetStock shows the stock level of a product.
func (h *handlers) GetStock(ctx context.Context, request wire.GetStockRequestObject) (wire.GetStockResponseObject, error) {
	level, err := h.stockOf(ctx, request.ProductId)
	if err != nil {
		return nil, err
	}
	return wire.GetStock200JSONResponse{StockLevelJSONResponse: wire.StockLevelJSONResponse(level)}, nil
}

// AdjustStock makes a stock document and waits until it counts.
func (h *handlers) AdjustStock(ctx context.Context, request wire.AdjustStockRequestObject) (wire.AdjustStockResponseObject, error) {
	if err := requireOps(ctx); err != nil {
		return nil, err
	}
	item, err := h.item(ctx, request.ProductId)
	if err != nil {
		return nil, err
	}
	document, err := h.newDocument(ctx, item.Name, request)
	if err != nil {
		return nil, err
	}
	if err := h.post(ctx, document); err != nil {
		return nil, err
	}
	decided := h.cluster.awaitDocument(ctx, document, h.wait)
	switch {
	case decided == nil:
		level, warning := warned(stockLevel(item), request)
		return wire.AdjustStock202JSONResponse{StockPendingJSONResponse: wire.StockPendingJSONResponse{
			Body: level, Headers: wire.StockPendingResponseHeaders{Warning: warning},
		}}, nil
	case decided.Status.Phase == v1alpha1.AdjustmentRefused:
		return nil, refusedDocument(decided)
	default:
		level, warning := warned(stockAfter(item, decided), request)
		return wire.AdjustStock200JSONResponse{StockAdjustedJSONResponse: wire.StockAdjustedJSONResponse{
			Body: level, Headers: wire.StockAdjustedResponseHeaders{Warning: warning},
		}}, nil
	}
}

// countsEachTime is what clients are told that send no key.
const countsEachTime = "the request had no Idempotency-Key: sent again, it counts again"

// warned adds what a client should mind about its adjustment, also as a Warning
// header: 299 is one that stays true (RFC 7234, 5.5).
func warned(level wire.StockLevel, request wire.AdjustStockRequestObject) (wire.StockLevel, *string) {
	if request.Params.IdempotencyKey != nil {
		return level, nil
	}
	level.Warning = countsEachTime
	header := `299 - "` + countsEachTime + `"`
	return level, &header
}

func (h *handlers) item(ctx context.Context, productID string) (*v1alpha1.StockItem, error) {
	item := &v1alpha1.StockItem{}
	err := h.cluster.read(ctx, productID, item)
	if err != nil && problemOf(err).code == codeNotFound {
		return nil, noSuchProduct(productID)
	}
	return item, err
}

func noSuchProduct(id string) *problem { return notFound(fmt.Sprintf("there is no product %q", id)) }

// newDocument is the document that a request asks for: named after its
// idempotency key when it has one, by the API server otherwise.
func (h *handlers) newDocument(ctx context.Context, product string, request wire.AdjustStockRequestObject) (*v1alpha1.StockAdjustment, error) {
	delta, err := number.Whole(string(request.Body.Delta))
	if err == nil && delta == 0 {
		err = fmt.Errorf("0 changes nothing")
	}
	if err != nil {
		return nil, invalidRequest(wire.FieldError{Field: "delta", Message: err.Error()})
	}
	c := callFrom(ctx)
	document := &v1alpha1.StockAdjustment{Spec: v1alpha1.StockAdjustmentSpec{
		ProductID: product, Kind: v1alpha1.AdjustmentAdjusted, Quantity: delta, Reason: request.Body.Reason,
		Requester: v1alpha1.Requester{OnBehalfOf: c.who.Subject},
	}}
	document.Namespace = h.cluster.namespace
	document.Annotations = c.trace.Annotations()
	if document.Spec.Reason == "" {
		document.Spec.Reason = defaultAdjustReason
	}
	if key := request.Params.IdempotencyKey; key != nil {
		document.Name = ids.Adjustment(h.cluster.namespace, c.who.Subject, product, idempotencyKey(*key))
	} else {
		document.GenerateName = "rest-"
	}
	return document, nil
}

// post creates a document. One that is there already under its idempotency key is
// taken for this one if it says the same.
func (h *handlers) post(ctx context.Context, document *v1alpha1.StockAdjustment) error {
	asked := document.Spec
	err := h.cluster.create(ctx, document)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := h.cluster.readLive(ctx, document.Name, document); err != nil {
		return err
	}
	// Its name has who asked in it, and versions before this one did not write that down.
	asked.Requester = document.Spec.Requester
	if document.Spec != asked {
		return &problem{
			status: http.StatusConflict, code: codeDuplicateOrder,
			message: "this Idempotency-Key made another adjustment; use a new key for a new one",
		}
	}
	return nil
}

// refusedDocument says why a document was refused. Only taking away can fail for
// want of stock.
func refusedDocument(document *v1alpha1.StockAdjustment) *problem {
	p := &problem{status: http.StatusConflict, code: codeStockRefused, message: "the adjustment was refused"}
	if document.Spec.Quantity < 0 {
		p.status, p.code = http.StatusUnprocessableEntity, codeInsufficientStock
	}
	if c := meta.FindStatusCondition(document.Status.Conditions, v1alpha1.AdjustmentConditionApplied); c != nil && c.Message != "" {
		p.message = strings.ReplaceAll(c.Message, "spec.quantity", "delta")
	}
	return p
}

// stockLevel shows an item. What is reserved is a projection, up to a second old.
func stockLevel(item *v1alpha1.StockItem) wire.StockLevel {
	onHand := journal.OnHand(item)
	level := wire.StockLevel{
		ProductId:    item.Name,
		Sku:          item.Spec.SKU,
		Name:         item.Spec.Name,
		Quantity:     onHand,
		ReservedQty:  item.Status.Reserved,
		AvailableQty: stock.Available(onHand, item.Status.Reserved, item.Spec.SafetyStock),
		Version:      item.Status.JournalSeq,
		LastUpdated:  item.CreationTimestamp.UTC(),
	}
	if t := item.Status.AsOf; t != nil && t.After(level.LastUpdated) {
		level.LastUpdated = t.UTC()
	}
	if t := item.Status.LastMovementAt; t != nil && t.After(level.LastUpdated) {
		level.LastUpdated = t.UTC()
	}
	return level
}

// stockAfter shows an item as a document left it, which its own status says
// better than the item's, whose projection may be a moment behind.
func stockAfter(item *v1alpha1.StockItem, document *v1alpha1.StockAdjustment) wire.StockLevel {
	level := stockLevel(item)
	after := document.Status
	if after.OnHandAfter == nil || after.AvailableAfter == nil {
		return level
	}
	level.Quantity = *after.OnHandAfter
	level.AvailableQty = *after.AvailableAfter
	level.ReservedQty = *after.OnHandAfter - *after.AvailableAfter - item.Spec.SafetyStock
	level.Version = after.JournalSeq
	if after.DecidedAt != nil {
		level.LastUpdated = after.DecidedAt.UTC()
	}
	return level
}

// documentSelector selects one document for a watch.
func documentSelector(document *v1alpha1.StockAdjustment) client.ListOption {
	return client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", document.Name)}
}
