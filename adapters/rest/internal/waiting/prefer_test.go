package waiting_test

import (
	"testing"
	"time"

	"github.com/orderplane/orderplane/adapters/rest/internal/waiting"
)

func TestPreferred(t *testing.T) {
	t.Parallel()
	const none = -time.Second
	for header, want := range map[string]time.Duration{
		"":                              none,
		"respond-async":                 none,
		"wait":                          none,
		"wait=":                         none,
		"wait=-1":                       none,
		"wait=+1":                       none,
		"wait=1.5":                      none,
		"wait=soon":                     none,
		"await=5":                       none,
		"wait=0":                        0,
		"wait=5":                        5 * time.Second,
		"wait=30":                       30 * time.Second,
		"wait=31":                       30 * time.Second,
		"wait=99999999999999999999999":  30 * time.Second,
		"respond-async, WAIT = 7":       7 * time.Second,
		`wait="8"; why=because`:         8 * time.Second,
		"wait=2, wait=9":                2 * time.Second,
		"return=minimal,wait=3,foo=bar": 3 * time.Second,
	} {
		got, asked := waiting.Preferred(header)
		if !asked {
			got = none
		}
		if got != want {
			t.Errorf("Preferred(%q) = %v, want %v", header, got, want)
		}
	}
}

func TestApplied(t *testing.T) {
	t.Parallel()
	if got := waiting.Applied(waiting.Max); got != "wait=30" {
		t.Errorf("Applied = %q", got)
	}
}
