package performance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/orderplane/orderplane/internal/domain/order"
)

// awaitUntracked waits until the API server goes by config/untracked: until then it
// refuses orders, or keeps who set what of them.
func (s *stage) awaitUntracked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	probe := newOrder("probe", customerID(0), newDeck(Workload{Spread: Uniform, Lines: 1}, s.opts.products, 0).next())
	order.Complete(probe, nil)
	body, err := json.Marshal(probe)
	if err != nil {
		return fmt.Errorf("encode an order: %w", err)
	}
	for {
		answer, err := s.loader.do(ctx, http.MethodPost, resourcePath(ordersNamespace, "orders")+"?dryRun=All", nil, body)
		if err == nil && !bytes.Contains(answer, []byte(`"managedFields"`)) {
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("config/untracked is not in force: %w", errors.Join(err, ctx.Err()))
		}
	}
}
