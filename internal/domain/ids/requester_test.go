package ids_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

func TestRequesterFitsWhoeverItIs(t *testing.T) {
	long := strings.Repeat("ü", 253)
	for _, user := range []string{"", "olga", "system:serviceaccount:ops-system:orderplane-gateway", "Jürgen Müller", long} {
		if got := ids.Requester(user); got != user {
			t.Errorf("%q is written down as %q", user, got)
		}
	}
	seen := map[string]string{}
	for _, user := range []string{
		long + "1", long + "2", strings.Repeat("a", 10_000), "olga\n", "olga\x00", "olga\u2028", "olga\u0085", "olga\xff", "olga\xfe",
	} {
		got := ids.Requester(user)
		if other, twice := seen[got]; twice {
			t.Errorf("%.20q and %.20q are both %q", user, other, got)
		}
		seen[got] = user
		if n := utf8.RuneCountInString(got); n > 253 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\x00\u2028\u0085") {
			t.Errorf("%.20q is written down as %q, of %d characters", user, got, n)
		}
		if start := user[:4]; !strings.HasPrefix(got, start) {
			t.Errorf("%.20q is written down as %q: who is it?", user, got)
		}
	}
}
