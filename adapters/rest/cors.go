package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// Browsers let a page of another origin use the API only if it says so. It says so
// to the configured origins, and answers their preflights, which carry no token,
// before authentication.

// anyOrigin allows every origin.
const anyOrigin = "*"

// preflightSeconds is how long a browser may remember an answer.
const preflightSeconds = 600

// newCORS returns what answers preflights and marks answers for the allowed
// origins; nil when there are none.
func (c Config) newCORS() *cors.Cors {
	if len(c.CORSAllowedOrigins) == 0 {
		return nil
	}
	return cors.New(cors.Options{
		AllowedOrigins:   c.CORSAllowedOrigins,
		AllowCredentials: c.CORSAllowCredentials,
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders:   []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Prefer", "Last-Event-ID", "X-Trace-Id", "Traceparent", "Tracestate"},
		ExposedHeaders: []string{
			"ETag", "Location", "X-Trace-Id", "Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "RateLimit", "RateLimit-Policy",
			"Idempotent-Replayed", "Preference-Applied", "Warning", "WWW-Authenticate", "Deprecation", "Sunset", "Link",
		},
		MaxAge: preflightSeconds,
	})
}

// crossOrigin serves a request by next, with what browsers want to know about the
// API and its document. Metrics and health are no matter for pages.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	if s.cors == nil || !isAPI(r) && r.URL.Path != docsPath && r.URL.Path != yamlPath {
		next(w, r)
		return
	}
	s.cors.Handler(next).ServeHTTP(w, r)
}

// checkCORS says what is wrong with the allowed origins.
func (c Config) checkCORS() error {
	var errs []error
	for _, origin := range c.CORSAllowedOrigins {
		if origin != anyOrigin && !isOrigin(origin) {
			errs = append(errs, fmt.Errorf("CORS_ALLOWED_ORIGINS: %q is no origin such as https://shop.example, and not *", origin))
		}
	}
	switch {
	case slices.Contains(c.CORSAllowedOrigins, anyOrigin) && len(c.CORSAllowedOrigins) > 1:
		errs = append(errs, errors.New("CORS_ALLOWED_ORIGINS: * allows every origin; name it alone, or leave it out"))
	case slices.Contains(c.CORSAllowedOrigins, anyOrigin) && c.CORSAllowCredentials:
		errs = append(errs, errors.New("CORS_ALLOW_CREDENTIALS: not with *; name the origins in CORS_ALLOWED_ORIGINS"))
	case len(c.CORSAllowedOrigins) == 0 && c.CORSAllowCredentials:
		errs = append(errs, errors.New("CORS_ALLOW_CREDENTIALS: means nothing without CORS_ALLOWED_ORIGINS"))
	}
	return errors.Join(errs...)
}

// isOrigin says whether s is written as browsers write an origin: scheme, host and
// maybe port, in lower case and without a pattern.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return s == u.Scheme+"://"+u.Host && s == strings.ToLower(s) && !strings.Contains(s, "*")
}
