package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orderplane/orderplane/internal/token"
)

// metrics of the gateway. Labels are routes, methods and status codes; never a
// customer or an order.
type metrics struct {
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer, breakers []*breaker) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderplane_gateway_request_duration_seconds",
			Help:    "How long requests took, by route, method and status code.",
			Buckets: prometheus.ExponentialBuckets(.002, 2, 13),
		}, []string{"route", "method", "code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderplane_gateway_requests_in_flight",
			Help: "Requests being served now.",
		}),
	}
	collectors := []prometheus.Collector{m.requests, m.inFlight}
	for _, b := range breakers {
		collectors = append(collectors, openGauge(b))
	}
	for _, collector := range collectors {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("register the gateway's metrics: %w", err)
		}
	}
	return m, nil
}

// openGauge shows whether a breaker refuses calls.
func openGauge(b *breaker) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "orderplane_gateway_circuit_breaker_open",
		Help:        "1 while a circuit breaker of the gateway refuses calls.",
		ConstLabels: prometheus.Labels{"breaker": b.name},
	}, func() float64 {
		if b.circuit.IsOpen() {
			return 1
		}
		return 0
	})
}

// registerTokenKeys shows how many keys verify tokens, and when they were fetched.
func registerTokenKeys(registry prometheus.Registerer, verifier *token.Verifier) error {
	for _, collector := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderplane_gateway_token_keys",
			Help: "How many keys verify tokens; every request is refused while it is 0.",
		}, func() float64 { return float64(verifier.KeyState().Keys) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "orderplane_gateway_token_keys_fetched_timestamp_seconds",
			Help: "When the key set of the identity provider was last fetched well; 0 when never or when a key is configured.",
		}, func() float64 {
			at := verifier.KeyState().FetchedAt
			if at.IsZero() {
				return 0
			}
			return float64(at.Unix())
		}),
	} {
		if err := registry.Register(collector); err != nil {
			return fmt.Errorf("register the metrics of token keys: %w", err)
		}
	}
	return nil
}

func (m *metrics) observe(route string, r *http.Request, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, methodLabel(r.Method), strconv.Itoa(status)).Observe(took.Seconds())
}

// methodLabel keeps a client from making up label values.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "OTHER"
}

// recorder remembers the status code that was sent.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(body []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(body)
}

// Unwrap lets http.ResponseController reach what is below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
