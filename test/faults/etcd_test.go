package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// prefix of Orderplane's objects in etcd; a key is prefix + plural/namespace/name.
const prefix = "/registry/orderplane.dev/"

// change is one write to one object, as etcd has it.
type change struct {
	revision        int64
	plural, ns, key string
	deleted         bool
	value           []byte
}

// feed follows one etcd and hands every change, in order, to its namespace's book.
// Unlike watches of several kinds through an API server, which are in order each
// but not among each other, it is the whole truth in one line.
type feed struct {
	endpoint string

	mu       sync.Mutex
	books    map[string]*book
	revision int64
	err      error
}

func newFeed(endpoint string) *feed {
	f := &feed{endpoint: endpoint, books: map[string]*book{}}
	go f.follow()
	return f
}

// book of a namespace.
func (f *feed) book(ns string) *book {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bookLocked(ns)
}

func (f *feed) bookLocked(ns string) *book {
	b := f.books[ns]
	if b == nil {
		b = newBook(ns)
		f.books[ns] = b
	}
	return b
}

// reached reports whether everything up to a revision was handed out.
func (f *feed) reached(revision int64) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revision >= revision, f.err
}

func (f *feed) follow() {
	err := f.stream(context.Background())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = fmt.Errorf("the watch of etcd ended: %w", err)
}

type watchAnswer struct {
	Result struct {
		Header          struct{ Revision string } `json:"header"`
		CompactRevision string                    `json:"compact_revision"`
		Events          []struct {
			Type string
			KV   struct {
				Key, Value  []byte
				ModRevision string `json:"mod_revision"`
			} `json:"kv"`
		} `json:"events"`
	} `json:"result"`
}

// stream reads etcd's JSON gateway until it ends.
func (f *feed) stream(ctx context.Context) error {
	ask, err := json.Marshal(map[string]any{"create_request": map[string]any{
		"key": []byte(prefix), "range_end": []byte(strings.TrimSuffix(prefix, "/") + "0"), "start_revision": "1",
	}})
	if err != nil {
		return err
	}
	answer, err := post(ctx, f.endpoint+"/v3/watch", ask)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	lines := json.NewDecoder(answer)
	for {
		var a watchAnswer
		if err := lines.Decode(&a); err != nil {
			return err
		}
		if a.Result.CompactRevision != "" {
			return fmt.Errorf("compacted at %s before it was read", a.Result.CompactRevision)
		}
		if err := f.take(&a); err != nil {
			return err
		}
	}
}

func (f *feed) take(a *watchAnswer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range a.Result.Events {
		revision, err := strconv.ParseInt(e.KV.ModRevision, 10, 64)
		if err != nil {
			return err
		}
		parts := strings.Split(strings.TrimPrefix(string(e.KV.Key), prefix), "/")
		f.revision = revision
		if len(parts) != 3 {
			continue // a cluster-scoped kind
		}
		f.bookLocked(parts[1]).record(change{
			revision: revision, plural: parts[0], ns: parts[1], key: parts[2], deleted: e.Type == "DELETE", value: e.KV.Value,
		})
	}
	return nil
}

func post(ctx context.Context, url string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return resp.Body, nil
}
