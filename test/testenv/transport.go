package testenv

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
)

// RoundTripper is a function that is an HTTP transport.
type RoundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f RoundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// ErrUnplugged is what requests get once their Plug is pulled.
var ErrUnplugged = errors.New("the process is dead, its network is cut")

// Plug is what ends a process the hard way: nothing it asks for after the plug is
// pulled arrives.
type Plug struct {
	pulled chan struct{}
	once   sync.Once
}

// NewPlug makes a plug that is in.
func NewPlug() *Plug { return &Plug{pulled: make(chan struct{})} }

// Pull cuts off whoever is behind it, from now on.
func (p *Plug) Pull() { p.once.Do(func() { close(p.pulled) }) }

// Pulled is closed when it is pulled.
func (p *Plug) Pulled() <-chan struct{} { return p.pulled }

// IsPulled reports whether it is pulled.
func (p *Plug) IsPulled() bool {
	select {
	case <-p.pulled:
		return true
	default:
		return false
	}
}

// Wrap puts the plug into a client, for rest.Config.Wrap.
func (p *Plug) Wrap(next http.RoundTripper) http.RoundTripper {
	return RoundTripper(func(r *http.Request) (*http.Response, error) {
		if p.IsPulled() {
			return nil, ErrUnplugged
		}
		return next.RoundTrip(r)
	})
}

// CallCounter counts the requests of a client that are of a kind.
type CallCounter struct {
	counts func(*http.Request) bool
	n      atomic.Int64
}

// NewCallCounter makes a counter of the requests that counts says are to be counted.
func NewCallCounter(counts func(*http.Request) bool) *CallCounter {
	return &CallCounter{counts: counts}
}

// Count is how many there were.
func (c *CallCounter) Count() int64 { return c.n.Load() }

// Wrap puts the counter into a client, for rest.Config.Wrap.
func (c *CallCounter) Wrap(next http.RoundTripper) http.RoundTripper {
	return RoundTripper(func(r *http.Request) (*http.Response, error) {
		if c.counts(r) {
			c.n.Add(1)
		}
		return next.RoundTrip(r)
	})
}
