package shared

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Allowance is the answer about one request of a client.
type Allowance struct {
	// Allowed says whether the request may be served.
	Allowed bool
	// Remaining is how many more requests would be allowed right now.
	Remaining int
	// More is the time until one request more than Remaining is allowed. It is when to try again
	// if this one is not.
	More time.Duration
}

// Local limits in memory, each gateway for itself. A client may send a
// minute's worth at once and then gets it back evenly: the generic cell rate
// algorithm, as a token bucket.
type Local struct {
	perMinute int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	swept   time.Time
}

// NewLocal returns a limiter that allows a client perMinute requests a minute, counted in this
// process.
func NewLocal(perMinute int, now func() time.Time) *Local {
	return &Local{perMinute: perMinute, now: now, buckets: map[string]*rate.Limiter{}, swept: now()}
}

// Allow counts a request of a client and says whether it may be served.
func (l *Local) Allow(client string) Allowance {
	said, _ := l.take(client)
	return said
}

// take is Allow. giveBack takes the request back that was allowed.
func (l *Local) take(client string) (said Allowance, giveBack func()) {
	now := l.now()
	bucket := l.bucket(client, now)
	reservation := bucket.ReserveN(now, 1)
	if delay := reservation.DelayFrom(now); delay > 0 {
		reservation.CancelAt(now)
		return Allowance{More: delay}, func() {}
	}
	// The bucket is filled by what was taken; a reservation that can be used at once can't be
	// cancelled any more.
	giveBack = func() { bucket.ReserveN(now, -1) }
	tokens := max(0, bucket.TokensAt(now))
	missing := 1 - (tokens - math.Floor(tokens))
	return Allowance{Allowed: true, Remaining: int(tokens), More: time.Duration(missing * float64(l.interval()))}, giveBack
}

// interval is how long it takes a client to get one request back.
func (l *Local) interval() time.Duration { return max(1, time.Minute/time.Duration(l.perMinute)) }

func (l *Local) bucket(client string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute {
		l.sweep(now)
	}
	bucket, known := l.buckets[client]
	if !known {
		bucket = rate.NewLimiter(rate.Every(l.interval()), l.perMinute)
		l.buckets[client] = bucket
	}
	return bucket
}

// sweep forgets the clients whose bucket is full again: they are as good as new.
func (l *Local) sweep(now time.Time) {
	l.swept = now
	for client, bucket := range l.buckets {
		if int(bucket.TokensAt(now)) >= l.perMinute {
			delete(l.buckets, client)
		}
	}
}
