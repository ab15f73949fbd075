package performance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// tracker sees orders being decided, all of them by one watch. The API server
// filters: an order shows up once, when it stops being Pending.
type tracker struct {
	mu      sync.Mutex
	waiting map[string]chan<- decided
	broken  error
}

// decided is what became of an order, and when the watch said so.
type decided struct {
	phase v1alpha1.OrderPhase
	at    time.Time
	err   error
}

// watchOrders starts a tracker of the orders; it ends with ctx.
func watchOrders(ctx context.Context, c *client) (*tracker, error) {
	path := resourcePath(ordersNamespace, "orders")
	var list struct {
		Metadata identity `json:"metadata"`
	}
	if err := c.get(ctx, path+"?limit=1", &list); err != nil {
		return nil, fmt.Errorf("watch orders: %w", err)
	}
	t := &tracker{waiting: map[string]chan<- decided{}}
	stream, err := watchFrom(ctx, c, path, list.Metadata.ResourceVersion)
	if err != nil {
		return nil, err
	}
	go func() { t.fail(t.follow(ctx, c, path, stream, list.Metadata.ResourceVersion)) }()
	return t, nil
}

func watchFrom(ctx context.Context, c *client, path, version string) (io.ReadCloser, error) {
	query := url.Values{
		"watch": {"true"}, "timeoutSeconds": {"86400"}, "resourceVersion": {version},
		"fieldSelector": {"status.phase!=" + string(v1alpha1.OrderPending)},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("watch orders: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("watch orders: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("watch orders: status %d", resp.StatusCode)
	}
	return resp.Body, nil
}

// follow reads a stream, and goes on where it ended in another: an API server
// ends the watch of a client that it can't send events to as fast as they come. Two
// that end without an event between them are the end.
func (t *tracker) follow(ctx context.Context, c *client, path string, stream io.ReadCloser, version string) error {
	for {
		last, err := t.read(bufio.NewReaderSize(stream, 1<<16), version)
		_ = stream.Close()
		if !errors.Is(err, errEnded) || last == version {
			return err
		}
		version = last
		if stream, err = watchFrom(ctx, c, path, version); err != nil {
			return err
		}
	}
}

// errEnded says that a stream of events ended.
var errEnded = errors.New("the watch of orders ended")

// read settles the orders of a stream until it ends. It returns the resourceVersion of
// its last event.
func (t *tracker) read(events *bufio.Reader, version string) (last string, err error) {
	for last = version; ; {
		line, err := events.ReadBytes('\n')
		at := time.Now()
		if err != nil {
			return last, fmt.Errorf("%w: %w", errEnded, err)
		}
		var event struct {
			Type   string `json:"type"`
			Object struct {
				Metadata struct {
					Name            string `json:"name"`
					ResourceVersion string `json:"resourceVersion"`
				} `json:"metadata"`
				Status json.RawMessage `json:"status"`
			} `json:"object"`
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return last, fmt.Errorf("the watch of orders: %w", err)
		}
		if event.Type == "ERROR" {
			return last, fmt.Errorf("the watch of orders: %.300s", line)
		}
		var status struct {
			Phase v1alpha1.OrderPhase `json:"phase"`
		}
		if err := json.Unmarshal(event.Object.Status, &status); err != nil {
			return last, fmt.Errorf("the watch of orders: %w", err)
		}
		last = event.Object.Metadata.ResourceVersion
		t.settle(event.Object.Metadata.Name, decided{phase: status.Phase, at: at})
	}
}

// expect registers an order before it is created, so that no answer is missed.
func (t *tracker) expect(name string) <-chan decided {
	result := make(chan decided, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken != nil {
		result <- decided{err: t.broken}
		return result
	}
	t.waiting[name] = result
	return result
}

// forget takes an order back that was not created after all.
func (t *tracker) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, name)
}

func (t *tracker) settle(name string, d decided) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if result, ok := t.waiting[name]; ok {
		delete(t.waiting, name)
		result <- d
	}
}

// fail tells all who wait that nothing more will be seen.
func (t *tracker) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = errors.Join(errors.New("nothing can be measured without the watch of orders"), err)
	for name, result := range t.waiting {
		result <- decided{err: t.broken}
		delete(t.waiting, name)
	}
}
