package fields_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
)

func TestRateLimitFields(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{fields.RateLimitPolicy(100), `"requests";q=100;w=60`},
		{fields.RateLimit(99, 600*time.Millisecond), `"requests";r=99;t=1`},
		{fields.RateLimit(0, 20*time.Second), `"requests";r=0;t=20`},
		{fields.RateLimit(0, 20*time.Second+1), `"requests";r=0;t=21`},
		{fields.RateLimit(5, 0), `"requests";r=5;t=0`},
	} {
		if tc.got != tc.want {
			t.Errorf("%s, want %s", tc.got, tc.want)
		}
	}
}
