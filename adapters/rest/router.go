package rest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/openapi"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

const (
	apiPrefix   = "/api"
	docsPath    = "/v3/api-docs"
	yamlPath    = "/v3/api-docs.yaml"
	swaggerPath = "/swagger-ui.html"
	swaggerBase = "/swagger-ui/"
)

// router knows every route, and serves those under /api through the validator.
type router struct {
	mux *http.ServeMux
	api http.Handler
	// bodies are the schemas of what a route is sent.
	bodies  bodySchemas
	queries queries
	// deprecated are the headers of the routes that are.
	deprecated map[string]http.Header
}

func (s *Server) newRouter(doc *openapi.Document, registry Metrics) (*router, error) {
	mux := http.NewServeMux()
	routeDocument(mux, doc)
	strict := wire.NewStrictHandlerWithOptions(&handlers{
		cluster: s.cluster, archive: s.archive, ledger: s.ledger, notices: s.notices, answers: s.answers, levels: s.cluster.levels,
		wait: s.cfg.CommandWait, now: s.now, draining: s.life.Draining(), maxBaskets: s.cfg.BasketsPerCustomer,
		streams: s.streams, waits: s.waits,
	}, nil, wire.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  s.requestError,
		ResponseErrorHandlerFunc: s.responseError,
	})
	wire.HandlerWithOptions(strict, wire.StdHTTPServerOptions{BaseRouter: mux, ErrorHandlerFunc: s.requestError})
	ui := v5emb.NewHandlerWithConfig(swgui.Config{Title: doc.Info.Title, SwaggerJSON: docsPath, BasePath: swaggerBase})
	mux.Handle("GET "+swaggerBase, ui)
	mux.HandleFunc("GET "+swaggerPath, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, swaggerBase, http.StatusFound)
	})
	s.routeActuator(mux, registry)
	deprecated, err := fields.Deprecations(doc.T)
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document: %w", err)
	}
	return &router{
		mux: mux, api: validator(doc.T, s.now)(mux), bodies: newBodySchemas(doc.T), queries: newQueries(doc.T), deprecated: deprecated,
	}, nil
}

// routeDocument serves the document, as JSON and as YAML (RFC 9512).
func routeDocument(mux *http.ServeMux, doc *openapi.Document) {
	serve := func(path, mediaType string, document []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			_, _ = w.Write(document)
		})
	}
	serve(docsPath, "application/json", doc.JSON)
	serve(yamlPath, "application/yaml", doc.YAML)
}

// ServeHTTP serves one request: trace, token, rate limit, and then its route.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := s.now()
	rec := &recorder{ResponseWriter: w}
	r = s.traced(rec, r)
	rec.Header().Set("X-Content-Type-Options", "nosniff")
	handler, route := s.router.mux.Handler(r)
	c := callFrom(r.Context())
	s.metrics.inFlight.Inc()
	defer func() {
		if thrown := recover(); thrown != nil {
			s.panicked(rec, r, thrown)
		}
		s.metrics.inFlight.Dec()
		ended := s.now()
		if !c.streaming.IsZero() {
			ended = c.streaming // how long a client stays says nothing of the gateway
		}
		s.metrics.observe(route, r, rec.status, ended.Sub(started))
	}()
	s.crossOrigin(rec, r, func(w http.ResponseWriter, r *http.Request) {
		if err := s.serve(w, r, handler, route); err != nil {
			s.fail(w, r, err)
		}
	})
}

// traced returns a request that knows its trace, which its answer has from now on.
func (s *Server) traced(w http.ResponseWriter, r *http.Request) *http.Request {
	c := newCall(r.Header, trace.Source{
		Trace: func() string { return s.newID(16) },
		Span:  func() string { return s.newID(8) },
	})
	w.Header().Set("X-Trace-Id", c.trace.ID)
	return r.WithContext(withCall(r.Context(), c))
}

func isAPI(r *http.Request) bool {
	return r.URL.Path == apiPrefix || strings.HasPrefix(r.URL.Path, apiPrefix+"/")
}

// serve returns the error of a request that did not get as far as its route.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, handler http.Handler, route string) error {
	if isAPI(r) {
		if err := s.admit(w, r); err != nil {
			return err
		}
	}
	switch {
	case route == "", isAPI(r) && !isClean(r.URL):
		return noRoute(w, r, handler)
	case !isAPI(r):
		s.router.mux.ServeHTTP(w, r)
		return nil
	case r.Method == http.MethodHead:
		r = asGet(r)
	}
	maps.Copy(w.Header(), s.router.deprecated[route])
	if err := checkHeaders(r.Header); err != nil {
		return err
	}
	if err := s.router.queries.check(route, r); err != nil {
		return err
	}
	if err := s.takeBody(w, r, route); err != nil {
		return err
	}
	s.router.api.ServeHTTP(w, r)
	return nil
}

// isClean says whether no part of a path is empty, "." or "..". The mux would lead such a request
// to another path, and so to another thing: /api/orders//events to the order of the id "events".
func isClean(u *url.URL) bool {
	escaped := u.EscapedPath()
	return path.Clean(escaped) == escaped
}

// asGet is a HEAD as the GET that it is answered like (RFC 9110, 9.3.2). Its context says that
// nobody reads the content, which the server leaves out.
func asGet(r *http.Request) *http.Request {
	callFrom(r.Context()).headOnly = true
	get := *r
	get.Method = http.MethodGet
	return &get
}

// noRoute tells a path that is not there from a method that it does not have. The
// mux knows, but says so in plain text.
func noRoute(w http.ResponseWriter, r *http.Request, handler http.Handler) error {
	said := &discarded{header: http.Header{}}
	handler.ServeHTTP(said, r)
	allow := said.header.Get("Allow")
	if said.status != http.StatusMethodNotAllowed || allow == "" {
		return notFound("there is nothing at the path " + r.URL.Path)
	}
	w.Header().Set("Allow", allow)
	return &problem{
		status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed,
		message: r.Method + " is not possible at this path",
	}
}

// discarded is a response that nobody gets.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header            { return d.header }
func (d *discarded) Write(body []byte) (int, error) { return len(body), nil }
func (d *discarded) WriteHeader(status int)         { d.status = status }

func tooLarge(limit int64) *problem {
	return &problem{
		status: http.StatusRequestEntityTooLarge, code: codePayloadTooLarge,
		message: fmt.Sprintf("the body is longer than %d bytes", limit),
	}
}

// requestError answers a request that the generated code could not decode.
func (s *Server) requestError(w http.ResponseWriter, r *http.Request, err error) {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		s.fail(w, r, tooLarge(long.Limit))
		return
	}
	var format *wire.InvalidParamFormatError
	if errors.As(err, &format) {
		s.fail(w, r, invalidRequest(wire.FieldError{Field: format.ParamName, Message: "has the wrong format"}))
		return
	}
	s.fail(w, r, invalidRequest(wire.FieldError{Field: "body", Message: "can't be read: " + err.Error()}))
}

// responseError answers a request whose handler returned an error.
func (s *Server) responseError(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }

// fail answers with an error. What went wrong on this side is logged.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		s.log.Error(p.cause, "request failed", "traceId", callFrom(r.Context()).trace.ID,
			"method", r.Method, "path", r.URL.Path, "status", p.status)
	}
	p.write(w, r, s.now())
}

// panicked answers a request whose handler panicked, if it has not answered yet.
func (s *Server) panicked(w *recorder, r *http.Request, thrown any) {
	err := fmt.Errorf("panic: %v", thrown)
	if w.status != 0 {
		s.log.Error(err, "request failed after it was answered", "traceId", callFrom(r.Context()).trace.ID, "path", r.URL.Path)
		return
	}
	s.fail(w, r, internalError(err))
}
