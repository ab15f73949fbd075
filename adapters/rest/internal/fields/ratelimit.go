package fields

import (
	"fmt"
	"math"
	"time"
)

// policy names the limit of a client's requests in RateLimit and RateLimit-Policy.
const policy = "requests"

// RateLimitPolicy is the field RateLimit-Policy of a limit of requests a minute, after
// draft-ietf-httpapi-ratelimit-headers-11.
func RateLimitPolicy(perMinute int) string {
	return fmt.Sprintf(`"%s";q=%d;w=60`, policy, perMinute)
}

// RateLimit is the field RateLimit of the same draft: how many requests are left now (r), and in how
// many seconds, rounded up, there will be one more (t). The draft calls t the effective window, the
// time within which no more than r may be used (4.1.2); until draft 10 it was the time until there
// is more. Where requests come back one by one, both are the same.
func RateLimit(remaining int, more time.Duration) string {
	return fmt.Sprintf(`"%s";r=%d;t=%d`, policy, remaining, Seconds(more))
}

// Seconds are the whole seconds after which a time span is over.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
