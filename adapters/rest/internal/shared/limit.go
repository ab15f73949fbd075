package shared

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/go-redis/redis_rate/v10"
	goredis "github.com/redis/go-redis/v9"
)

const (
	// limitPrefix is before the client in the key of its limit (the public contract).
	limitPrefix = "ops:ratelimit:"
	// longestClient is how much of a client's name stands in a key as it is.
	longestClient = 128
)

// Limiter limits over all gateways by Redis, and in memory when Redis is away.
//
// A request is allowed when both say so. So a gateway never lets more than its own limit through,
// whatever happens to Redis: two gateways at most twice the limit, also while Redis comes and
// goes. And a client that is far over its limit costs no call of Redis.
type Limiter struct {
	local *Local
	rate  *redis_rate.Limiter
	limit redis_rate.Limit
	guard Guard
}

// NewLimiter returns a limiter that counts in memory and, by a guard, in Redis.
func NewLimiter(local *Local, client *goredis.Client, guard Guard) *Limiter {
	return &Limiter{
		local: local, rate: redis_rate.NewLimiter(named{client}),
		limit: redis_rate.PerMinute(local.perMinute), guard: guard,
	}
}

// Allow counts a request of a client and says whether it may be served.
func (l *Limiter) Allow(ctx context.Context, client string) Allowance {
	own, giveBack := l.local.take(client)
	if !own.Allowed {
		return own
	}
	var all *redis_rate.Result
	err := l.guard(ctx, func(ctx context.Context) (err error) {
		all, err = l.rate.Allow(ctx, limitKey(client), l.limit)
		return err
	})
	switch {
	case err != nil: // each gateway for itself
		return own
	case all.Allowed == 0:
		giveBack()
		return Allowance{More: all.RetryAfter}
	case all.Remaining < own.Remaining:
		return Allowance{Allowed: true, Remaining: all.Remaining, More: nextOf(all.ResetAfter, l.local.interval())}
	}
	return own
}

// nextOf is when the next of the requests is there again that all are after a time, one an interval.
func nextOf(all, interval time.Duration) time.Duration {
	if next := all % interval; next > 0 {
		return next
	}
	return interval
}

// limitKey keeps keys short: a client chooses the name that its token has.
func limitKey(client string) string {
	if len(client) > longestClient {
		sum := sha256.Sum256([]byte(client))
		client = "sha256:" + hex.EncodeToString(sum[:])
	}
	return limitPrefix + client
}

// named takes the prefix of the library off the keys: the contract has their names.
type named struct{ *goredis.Client }

const libraryPrefix = "rate:"

func contractKeys(keys []string) []string {
	own := make([]string, len(keys))
	for i, key := range keys {
		own[i] = key[len(libraryPrefix):]
	}
	return own
}

// Eval implements goredis.Scripter.
func (n named) Eval(ctx context.Context, script string, keys []string, args ...any) *goredis.Cmd {
	return n.Client.Eval(ctx, script, contractKeys(keys), args...)
}

// EvalSha implements goredis.Scripter.
func (n named) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *goredis.Cmd {
	return n.Client.EvalSha(ctx, sha1, contractKeys(keys), args...)
}
