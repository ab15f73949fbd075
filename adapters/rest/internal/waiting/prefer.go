// Package waiting reads how long a client would wait for an answer (RFC 7240, Prefer: wait).
package waiting

import (
	"strconv"
	"strings"
	"time"
)

// Max is the longest wait; more is cut to it.
const Max = 30 * time.Second

// Preferred is the wait that a Prefer header asks for, in whole seconds and at most Max. It is
// false where none is asked for. As RFC 7240 (section 2) has it, the first wait counts, and
// preferences that are unknown or can't be read are passed over.
func Preferred(header string) (time.Duration, bool) {
	for preference := range strings.SplitSeq(header, ",") {
		preference, _, _ = strings.Cut(preference, ";") // parameters mean nothing to a wait
		name, value, _ := strings.Cut(preference, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		return seconds(strings.Trim(strings.TrimSpace(value), `"`))
	}
	return 0, false
}

func seconds(digits string) (time.Duration, bool) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil { // digits alone: it is out of range
		return Max, true
	}
	return min(time.Duration(n)*time.Second, Max), true
}

// Applied is what Preference-Applied says of a wait.
func Applied(wait time.Duration) string {
	return "wait=" + strconv.Itoa(int(wait/time.Second))
}
