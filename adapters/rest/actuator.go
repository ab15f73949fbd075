package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/orderplane/orderplane/internal/postgres/orderdb"
	"github.com/orderplane/orderplane/internal/token"
)

const (
	healthUp   = "UP"
	healthDown = "DOWN"
	// probeTimeout bounds how long a health check waits for the API server.
	probeTimeout = time.Second
	// probeEvery is how long the answer of a probe is good for, so that a crowd of
	// health checks is not one of API server calls.
	probeEvery = time.Second
)

// health is the body of /actuator/health, in the shape of Spring's actuator.
type health struct {
	Status     string               `json:"status"`
	Components map[string]component `json:"components,omitempty"`
}

type component struct {
	Status  string         `json:"status"`
	Details map[string]any `json:"details,omitempty"`
	// optional is what the gateway goes on without.
	optional bool
}

// prober asks the API server whether it is ready, at most once a probeEvery.
type prober struct {
	ask func(context.Context) error
	now func() time.Time

	mu   sync.Mutex
	at   time.Time
	last error
	// since is when the answers began to be what they are.
	since time.Time
}

func (p *prober) probe(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.at.IsZero() || now.Sub(p.at) >= probeEvery {
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		err := p.ask(ctx)
		if p.at.IsZero() || (err == nil) != (p.last == nil) {
			p.since = now
		}
		p.last, p.at = err, now
	}
	return p.last
}

// details say since when the answer has been what it is.
func (p *prober) details() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]any{"since": p.since.UTC().Format(time.RFC3339)}
}

// serveHealth answers 200 when everything is up and 503 otherwise, with the state
// of each dependency.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	all := s.examine(r.Context())
	writeJSON(w, all.httpStatus(), all)
}

// serveHealthStatus is serveHealth without what the gateway depends on.
func (s *Server) serveHealthStatus(w http.ResponseWriter, r *http.Request) {
	all := s.examine(r.Context())
	writeJSON(w, all.httpStatus(), health{Status: all.Status})
}

// examine looks at everything that the gateway depends on.
func (s *Server) examine(ctx context.Context) health {
	states := map[string]string{}
	for _, b := range s.cluster.breakers() {
		states[b.name] = b.state().State
	}
	err := s.prober.probe(ctx)
	kubernetes := component{Status: healthUp, Details: s.prober.details()}
	kubernetes.Details["circuitBreakers"] = states
	if err != nil {
		kubernetes.Status = healthDown
		kubernetes.Details["error"] = "the API server does not answer"
		s.log.V(1).Info("health probe of the API server failed", "error", err.Error())
	}
	cache := component{Status: healthUp}
	if !s.cluster.ready.Load() {
		cache.Status = healthDown
		cache.Details = map[string]any{"error": "orders and stock are not all read yet"}
	}
	all := map[string]component{"kubernetes": kubernetes, "cache": cache, "tokenKeys": tokenKeys(s.verifier.KeyState())}
	for name, asked := range s.databases {
		all[name] = s.optionalHealth(ctx, name, asked)
	}
	return newHealth(all)
}

// optionalHealth says whether a database or Redis answers. The gateway goes on without, so its own
// health does not depend on it: new orders are marked, what only a database has is 503, and limits
// are those of each gateway.
func (s *Server) optionalHealth(ctx context.Context, name string, asked *prober) component {
	err := asked.probe(ctx)
	c := component{Status: healthUp, optional: true, Details: asked.details()}
	for _, b := range s.breakers() {
		if b.name == name {
			c.Details["circuitBreaker"] = b.state().State
		}
	}
	if err != nil {
		c.Status = healthDown
		c.Details["error"] = name + " does not answer; the gateway goes on without"
		s.log.V(1).Info("health probe failed", "dependency", name, "error", err.Error())
	}
	return c
}

// newDatabases returns the probes of the databases.
func newDatabases(deps Deps) map[string]*prober {
	probes := map[string]*prober{}
	for name, database := range map[string]orderdb.Querier{
		postgresOrders: deps.Orders, postgresInventory: deps.Inventory, postgresNotifications: deps.Notifications,
	} {
		probes[name] = &prober{now: deps.Now, ask: func(ctx context.Context) error {
			if database == nil {
				return errNoDatabase
			}
			rows, err := database.Query(ctx, "SELECT 1")
			if err != nil {
				return fmt.Errorf("ask the database: %w", err)
			}
			rows.Close()
			return rows.Err()
		}}
	}
	return probes
}

// tokenKeys is down while no token can be verified. With keys that are known it
// stays up when the identity provider is away; the details say so.
func tokenKeys(keys token.KeyState) component {
	c := component{Status: healthUp, Details: map[string]any{"keys": keys.Keys}}
	if keys.Keys == 0 {
		c.Status = healthDown
		c.Details["error"] = "the key set is not loaded yet"
	}
	if keys.Ignored > 0 {
		c.Details["ignoredKeys"] = keys.Ignored
	}
	if !keys.FetchedAt.IsZero() {
		c.Details["fetchedAt"] = keys.FetchedAt.UTC().Format(time.RFC3339)
	}
	if keys.Failure != "" {
		c.Details["error"] = keys.Failure
	}
	return c
}

// serveLiveness says that the process serves; an API server that is away is no
// reason to restart the gateway.
func (s *Server) serveLiveness(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, newHealth(nil))
}

// serveReadiness says whether the gateway should get requests.
func (s *Server) serveReadiness(w http.ResponseWriter, _ *http.Request) {
	ready := component{Status: healthUp}
	if s.life.IsLeaving() || !s.cluster.ready.Load() {
		ready.Status = healthDown
	}
	said := newHealth(map[string]component{"gateway": ready})
	writeJSON(w, said.httpStatus(), said)
}

// newHealth is up when every component is that the gateway does not go on without.
func newHealth(components map[string]component) health {
	h := health{Status: healthUp, Components: components}
	for _, c := range components {
		if c.Status != healthUp && !c.optional {
			h.Status = healthDown
		}
	}
	return h
}

func (h health) httpStatus() int {
	if h.Status == healthUp {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

// serveBreakers shows the state of every breaker.
func (s *Server) serveBreakers(w http.ResponseWriter, _ *http.Request) {
	states := map[string]breakerState{}
	for _, b := range s.breakers() {
		states[b.name] = b.state()
	}
	writeJSON(w, http.StatusOK, map[string]any{"circuitBreakers": states})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(encoded, '\n'))
}
