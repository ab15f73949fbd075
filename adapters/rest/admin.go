package rest

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Operators ask on the port of the API, or on a port of their own that clients need not
// reach (ADMIN_PORT). Liveness and readiness are on both: what a probe wants to know is
// whether the API's port answers.

// routeActuator adds what the API's port tells operators.
func (s *Server) routeActuator(mux *http.ServeMux, registry Metrics) {
	if s.cfg.AdminPort == 0 {
		s.routeAdmin(mux, registry)
		return
	}
	mux.HandleFunc("GET /actuator/health", s.serveHealthStatus)
	s.routeProbes(mux)
}

// routeAdmin adds all that operators may ask.
func (s *Server) routeAdmin(mux *http.ServeMux, registry Metrics) {
	mux.HandleFunc("GET /actuator/health", s.serveHealth)
	s.routeProbes(mux)
	mux.HandleFunc("GET /actuator/circuitbreakers", s.serveBreakers)
	mux.Handle("GET /actuator/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

func (s *Server) routeProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET /actuator/health/liveness", s.serveLiveness)
	mux.HandleFunc("GET /actuator/health/readiness", s.serveReadiness)
}

// newAdmin serves operators on a port of their own, without a token. Its errors have
// the body of the API's; its requests are not in the API's metrics.
func (s *Server) newAdmin(registry Metrics) http.Handler {
	mux := http.NewServeMux()
	s.routeAdmin(mux, registry)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = s.traced(w, r)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if handler, route := mux.Handler(r); route == "" {
			s.fail(w, r, noRoute(w, r, handler))
			return
		}
		mux.ServeHTTP(w, r)
	})
}
