package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/journal"
	"github.com/orderplane/orderplane/test/testenv"
)

// fate is what becomes of a request.
type fate int

const (
	pass        fate = iota
	loseRequest      // it is never sent, and the sender gets no answer
	loseAnswer       // the server handles it, and the sender gets no answer
	crashBefore      // the process ends before it is sent
	crashAfter       // the process ends after the server handled it
	tooMany          // it is answered with 429 and Retry-After
	unavailable      // it is answered with 503
	sendAnyway       // it arrives, even if its sender has ended meanwhile
)

func (f fate) String() string {
	return [...]string{"pass", "loseRequest", "loseAnswer", "crashBefore", "crashAfter", "tooMany", "unavailable", "sendAnyway"}[f]
}

// write is one write a process makes.
type write struct {
	// sites are which kinds of write it is: the verb, what it is to, and what it says; a
	// write of the journal is one for each kind of decision in it.
	sites []string
	// n counts the writes of the process from 1, nth those of its rarest site.
	n, nth                    int
	plural, name, subresource string
	verb                      string
}

// at reports whether it is a write of this kind.
func (w write) at(site string) bool { return slices.Contains(w.sites, site) }

// wire is between one manager and the API server. It numbers what the manager
// writes and lets judge decide what becomes of each write.
type wire struct {
	// judge decides; nil lets everything pass. It may block: then the request is held.
	judge func(w write) fate
	// pause holds everything while it is locked: requests, and what watches bring.
	pause sync.RWMutex
	// read is asked about every GET, watches too; an answer or an error of its own
	// comes instead of the server's. nil lets all pass.
	read func(req *http.Request) (*http.Response, error)
	// slow, when set, decides how far watches have come.
	slow *slowWatch
	// Plug ends the process when it is pulled. What was sent before may still arrive.
	*testenv.Plug

	mu      sync.Mutex
	total   int
	sites   map[string]int
	watches []*watchBody
	epochs  map[string]int64
	seqs    map[string]int64
}

func newWire() *wire {
	return &wire{Plug: testenv.NewPlug(), sites: map[string]int{}, epochs: map[string]int64{}, seqs: map[string]int64{}}
}

// wrap puts the wire into a client, for rest.Config.Wrap.
func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	return testenv.RoundTripper(func(req *http.Request) (*http.Response, error) { return w.roundTrip(next, req) })
}

var errLost = errors.New("fault: no answer")

func (w *wire) roundTrip(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	w.passPause()
	if w.IsPulled() { // while it was paused
		return nil, testenv.ErrUnplugged
	}
	if req.Method == http.MethodGet {
		return w.get(next, req)
	}
	if !strings.Contains(req.URL.Path, "/apis/orderplane.dev/") {
		return next.RoundTrip(req)
	}
	this, err := w.number(req)
	if err != nil {
		return nil, err
	}
	what := pass
	if w.judge != nil {
		what = w.judge(this)
	}
	return w.deliver(next, req, what)
}

// passPause waits while the process is paused.
func (w *wire) passPause() {
	w.pause.RLock()
	defer w.pause.RUnlock()
}

func (w *wire) get(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	if w.read != nil {
		if resp, err := w.read(req); resp != nil || err != nil {
			return resp, err
		}
	}
	resp, err := next.RoundTrip(req)
	if err == nil && isWatch(req) {
		if w.slow != nil {
			resp.Body = w.slow.follow(req, resp.Body)
		}
		body := &watchBody{ReadCloser: resp.Body, wire: w}
		resp.Body = body
		w.mu.Lock()
		w.watches = append(w.watches, body)
		w.mu.Unlock()
	}
	return resp, err
}

// cut ends the watches that are open, as an API server does that has had enough of
// them, and says how many it knew of.
func (w *wire) cut() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.watches)
	for _, b := range w.watches {
		b.ended.Store(true)
		_ = b.Close() // one that has ended already says so
	}
	w.watches = nil
	return n
}

func isWatch(req *http.Request) bool { return req.URL.Query().Get("watch") != "" }

// watchBody brings what a watch sends only while the process is not paused.
type watchBody struct {
	io.ReadCloser
	wire  *wire
	ended atomic.Bool
}

func (b *watchBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.wire.passPause()
	if err != nil && b.ended.Load() {
		err = io.EOF // whoever watches goes on where the watch ended
	}
	return n, err
}

func (w *wire) deliver(next http.RoundTripper, req *http.Request, what fate) (*http.Response, error) {
	switch what {
	case crashBefore:
		w.Pull()
		return nil, testenv.ErrUnplugged
	case loseRequest:
		return nil, errLost
	case tooMany:
		return refuse(req, http.StatusTooManyRequests, "TooManyRequests"), nil
	case unavailable:
		return refuse(req, http.StatusServiceUnavailable, "ServiceUnavailable"), nil
	}
	if what == sendAnyway {
		return next.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
	}
	if w.IsPulled() { // while it was held
		return nil, testenv.ErrUnplugged
	}
	resp, err := next.RoundTrip(req)
	if err != nil || what == pass {
		return resp, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if what == crashAfter {
		w.Pull()
		return nil, errors.Join(testenv.ErrUnplugged, err)
	}
	return nil, errors.Join(errLost, err)
}

// refuse is the API server's answer when it has no room.
func refuse(req *http.Request, code int, reason string) *http.Response {
	body := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"details":{"retryAfterSeconds":1}}`, reason, code)
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {"1"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// count is how many writes there were.
func (w *wire) count() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int64(w.total)
}

// swaps is how many writes of journals there were.
func (w *wire) swaps() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := 0
	for site, n := range w.sites {
		if strings.HasPrefix(site, "PUT stockjournals/status") {
			sum += n
		}
	}
	return sum
}

// number says which write this is.
func (w *wire) number(req *http.Request) (write, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		if err = errors.Join(err, req.Body.Close()); err != nil {
			return write{}, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	this := write{verb: req.Method}
	_, path, _ := strings.Cut(req.URL.Path, "/namespaces/")
	parts := strings.Split(path, "/") // namespace, plural, name, subresource
	this.plural = parts[1]
	if len(parts) > 2 {
		this.name = parts[2]
	}
	if len(parts) > 3 {
		this.subresource = parts[3]
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total++
	this.n, this.nth = w.total, w.total
	for _, what := range w.says(&this, body) {
		site := strings.TrimSpace(fmt.Sprintf("%s %s %s", this.verb, strings.TrimSuffix(this.plural+"/"+this.subresource, "/"), what))
		w.sites[site]++
		this.sites = append(this.sites, site)
		this.nth = min(this.nth, w.sites[site])
	}
	return this, nil
}

// says tells writes of one resource apart by what they bring about.
func (w *wire) says(this *write, body []byte) []string {
	var o struct {
		Metadata struct {
			Finalizers        []string
			DeletionTimestamp string
		}
		Spec struct {
			Intent string
		}
		Status struct {
			Phase             string
			Epoch, JournalSeq int64
			Entries           []v1alpha1.JournalEntry
			History           []v1alpha1.ReservationHistoryEntry
			Conditions        []struct{ Type, Reason string }
		}
	}
	if json.Unmarshal(body, &o) != nil {
		return []string{""}
	}
	key := this.plural + "/" + this.name
	switch this.plural + "/" + this.subresource {
	case "stockjournals/status":
		return w.decisions(key, o.Status.Epoch, o.Status.Entries)
	case "stockitems/status":
		was := w.seqs[key]
		w.seqs[key] = o.Status.JournalSeq
		if o.Status.JournalSeq > was {
			return []string{"stock"}
		}
		return []string{"projection"}
	case "stockitems/":
		if len(o.Metadata.Finalizers) == 0 {
			return []string{"finalizer off"}
		}
		return []string{"finalizer on"}
	case "stockadjustments/status":
		if o.Status.Phase == "Pending" {
			return []string{"waits"}
		}
		return []string{o.Status.Phase}
	case "orders/":
		if this.verb == http.MethodPatch {
			return []string{"finalizer off"}
		}
	case "stockreservations/status":
		if last := len(o.Status.History) - 1; last >= 0 {
			h := o.Status.History[last]
			again := last > 0 && h.Phase == v1alpha1.ReservationRestocked && o.Status.History[last-1].Phase == h.Phase
			switch {
			case h.Reason == journal.ReasonTakenOver:
				return []string{h.Reason}
			case again:
				return []string{"Restocked again"}
			}
		}
	case "stockreservations/":
		return []string{o.Spec.Intent}
	}
	return []string{o.Status.Phase}
}

// kind of a decision. The end of a basket that is taken over is none like other releases,
// and a second restock none like a first.
func (w *wire) kind(e *v1alpha1.JournalEntry) string {
	switch {
	case e.Reason == journal.ReasonTakenOver:
		return "Release and Grant: " + e.Reason
	case e.Kind == v1alpha1.EntryRestock:
		if w.seqs[e.UID]++; w.seqs[e.UID] > 1 {
			return "Restock again"
		}
	}
	return string(e.Kind)
}

// decisions are the kinds of what is new in a journal.
func (w *wire) decisions(key string, epoch int64, entries []v1alpha1.JournalEntry) (kinds []string) {
	was := w.epochs[key]
	w.epochs[key] = epoch
	if epoch != was {
		return []string{"take-over"}
	}
	for _, e := range entries {
		if e.Seq > w.seqs[key] {
			w.seqs[key] = e.Seq
			kind := "decide " + w.kind(&e)
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	if kinds == nil {
		return []string{"drop"}
	}
	return kinds
}
