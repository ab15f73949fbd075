package rest

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter decides how many requests a client may send.
type Limiter interface {
	// Allow counts a request of a client and says whether it may be served.
	Allow(ctx context.Context, client string) Allowance
}

// Allowance is a Limiter's answer about one request.
type Allowance struct {
	// Allowed says whether the request may be served.
	Allowed bool
	// Remaining is how many more requests would be allowed right now.
	Remaining int
	// RetryAfter is when the next request would be allowed, if this one is not.
	RetryAfter time.Duration
}

// localLimiter limits in memory, each gateway for itself. A client may send a
// minute's worth at once and then gets it back evenly: the generic cell rate
// algorithm, as a token bucket.
type localLimiter struct {
	perMinute int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	swept   time.Time
}

// NewLocalLimiter returns a Limiter that allows a client perMinute requests a
// minute, counted in this process.
func NewLocalLimiter(perMinute int, now func() time.Time) Limiter {
	return &localLimiter{perMinute: perMinute, now: now, buckets: map[string]*rate.Limiter{}, swept: now()}
}

// Allow implements Limiter.
func (l *localLimiter) Allow(_ context.Context, client string) Allowance {
	now := l.now()
	bucket := l.bucket(client, now)
	reservation := bucket.ReserveN(now, 1)
	if delay := reservation.DelayFrom(now); delay > 0 {
		reservation.CancelAt(now)
		return Allowance{RetryAfter: delay}
	}
	return Allowance{Allowed: true, Remaining: max(0, int(bucket.TokensAt(now)))}
}

func (l *localLimiter) bucket(client string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute {
		l.sweep(now)
	}
	bucket, known := l.buckets[client]
	if !known {
		interval := time.Minute / time.Duration(l.perMinute)
		bucket = rate.NewLimiter(rate.Every(interval), l.perMinute)
		l.buckets[client] = bucket
	}
	return bucket
}

// sweep forgets the clients whose bucket is full again: they are as good as new.
func (l *localLimiter) sweep(now time.Time) {
	l.swept = now
	for client, bucket := range l.buckets {
		if int(bucket.TokensAt(now)) >= l.perMinute {
			delete(l.buckets, client)
		}
	}
}
