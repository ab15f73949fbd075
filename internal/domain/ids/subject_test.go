package ids_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/domain/ids"
)

func TestSubjects(t *testing.T) {
	pattern := regexp.MustCompile(ids.SubjectPattern)
	check := func(s string, want bool) {
		t.Helper()
		if got := ids.IsSubject(s); got != want {
			t.Errorf("IsSubject(%q) = %v", s, got)
		}
		if got := pattern.MatchString(s); got != want {
			t.Errorf("the pattern says %v about %q", got, s)
		}
	}
	for _, good := range []string{"a", "cust-001", "auth0|5f7c", "o'neill@example.com", "AbC/+=_-", "uid=j,ou=x", strings.Repeat("x", 255)} {
		check(good, true)
	}
	for _, bad := range []string{"", " a", "a ", "a b", "a\n", "\x00", "a\x7f", "é", "a\u200b", strings.Repeat("x", 256)} {
		check(bad, false)
	}
	for b := range 256 {
		check("x"+string([]byte{byte(b)}), b >= '!' && b <= '~')
	}
}
