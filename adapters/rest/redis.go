package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/adapters/rest/internal/shared"
	"github.com/orderplane/orderplane/adapters/rest/wire"
	"github.com/orderplane/orderplane/api/v1alpha1"
)

// redisHelp is the name of Redis' breaker and of its component in health.
const redisHelp = "redis"

// Limiter decides how many requests a client may send.
type Limiter interface {
	// Allow counts a request of a client and says whether it may be served.
	Allow(ctx context.Context, client string) shared.Allowance
}

// NewLocalLimiter returns a Limiter that allows a client perMinute requests a
// minute, counted in this process.
func NewLocalLimiter(perMinute int, now func() time.Time) Limiter {
	return alone{shared.NewLocal(perMinute, now)}
}

// alone is a limiter of one gateway for itself.
type alone struct{ local *shared.Local }

// Allow implements Limiter.
func (a alone) Allow(_ context.Context, client string) shared.Allowance { return a.local.Allow(client) }

// newLimiter returns the limiter of all gateways, or that of this one without Redis; nil when
// nothing is limited.
func newLimiter(cfg Config, deps Deps, guard shared.Guard) Limiter {
	switch {
	case deps.Limiter != nil || cfg.RateLimitPerMinute == 0:
		return deps.Limiter
	case deps.Redis == nil:
		return NewLocalLimiter(cfg.RateLimitPerMinute, deps.Now)
	}
	return shared.NewLimiter(shared.NewLocal(cfg.RateLimitPerMinute, deps.Now), deps.Redis, guard)
}

// help is Redis as requests ask it.
type help struct {
	asking *breaker
	now    func() time.Time
}

// newHelp returns the access to Redis, nil when there is none.
func newHelp(cfg Config, deps Deps) *help {
	if deps.Redis == nil {
		return nil
	}
	return &help{asking: newBreaker(redisHelp, cfg.RedisTimeout, isRedisOutage), now: deps.Now}
}

// probeRedis has health ask Redis.
func (s *Server) probeRedis(asked *goredis.Client) {
	if asked == nil {
		return
	}
	if s.databases == nil {
		s.databases = map[string]*prober{}
	}
	ask := func(ctx context.Context) error { return asked.Ping(ctx).Err() }
	s.databases[redisHelp] = &prober{now: s.now, ask: ask}
}

// isRedisOutage: every answer of Redis to a call of ours is good, but an error.
func isRedisOutage(err error) bool {
	return err != nil && !errors.Is(err, goredis.Nil) && !errors.Is(err, context.Canceled)
}

// errWaitedEnough says that a request has waited for Redis as long as it may.
var errWaitedEnough = errors.New("the request has waited for Redis long enough")

// call is a shared.Guard. All calls of one request together wait for Redis no longer than its
// time-out: that is the most by which a slow Redis slows a request.
func (r *help) call(ctx context.Context, f func(context.Context) error) error {
	waited := &callFrom(ctx).waited
	left := r.asking.timeout - time.Duration(waited.Load())
	if left <= 0 {
		return errWaitedEnough
	}
	began := r.now()
	err := r.asking.callWithin(ctx, left, f)
	waited.Add(int64(r.now().Sub(began)))
	return err
}

// newAnswers returns the first answers that Redis keeps; nil when there is no Redis.
func newAnswers(deps Deps, r *help) *shared.Answers {
	if r == nil {
		return nil
	}
	return shared.NewAnswers(deps.Redis, r.call)
}

// keepAnswer keeps what a create was answered.
func (h *handlers) keepAnswer(ctx context.Context, key string, order *v1alpha1.Order, response wire.CreateOrderResponseObject) {
	created, ok := response.(wire.CreateOrder201JSONResponse)
	if !ok || h.answers == nil {
		return
	}
	body, err := json.Marshal(created.Body)
	if err != nil {
		return // not reached: it is answered the same way
	}
	h.answers.Keep(ctx, key, shared.Answer{
		Order: order.Name, Fingerprint: order.Annotations[v1alpha1.RequestFingerprintAnnotation],
		Status: http.StatusCreated, Body: body,
	})
}

// sees reports whether the cache has the order of a request.
func (c *cluster) sees(ctx context.Context, name, fingerprint string) bool {
	seen := &v1alpha1.Order{}
	return c.ready.Load() && c.cache.Get(ctx, c.key(name), seen, client.UnsafeDisableDeepCopy) == nil &&
		seen.Annotations[v1alpha1.RequestFingerprintAnnotation] == fingerprint
}

// firstAnswer is the answer to a create that was given before, byte by byte.
type firstAnswer struct{ *shared.Answer }

// VisitCreateOrderResponse implements wire.CreateOrderResponseObject.
func (f firstAnswer) VisitCreateOrderResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Idempotent-Replayed", "true")
	w.Header().Set("Location", "/api/orders/"+f.Order)
	w.WriteHeader(f.Status)
	_, err := w.Write(append(f.Body, '\n'))
	return err
}

var _ wire.CreateOrderResponseObject = firstAnswer{}
