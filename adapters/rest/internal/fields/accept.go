package fields

import (
	"mime"
	"strconv"
	"strings"
)

// Media types of errors.
const (
	JSON    = "application/json"
	Problem = "application/problem+json"
)

// PrefersProblem reports whether a client that sends these lines of Accept wants errors as
// application/problem+json (RFC 9457) rather than as application/json.
//
// It has to name the type: whoever takes anything gets JSON. Who names both with the same weight
// gets the problem, since nothing but an error is ever sent as one. A range that is malformed is
// passed over.
func PrefersProblem(accept []string) bool {
	var problem, plain weight
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			mediaRange, q, ok := parseRange(part)
			if !ok {
				continue
			}
			if mediaRange == Problem {
				problem.take(q, exactly)
			}
			plain.take(q, matching(mediaRange))
		}
	}
	return problem.q > 0 && problem.q >= plain.q
}

// How exactly a media range names JSON; the most exact one has the say (RFC 9110, 12.5.1).
const (
	not = iota
	anyType
	anySubtype
	exactly
)

func matching(mediaRange string) int {
	switch mediaRange {
	case JSON:
		return exactly
	case "application/*":
		return anySubtype
	case "*/*":
		return anyType
	default:
		return not
	}
}

// weight is what a client gives a media type.
type weight struct {
	q     float64
	exact int
}

// take takes over a weight that was given at least as exactly as what there was.
func (w *weight) take(q float64, exact int) {
	if exact > w.exact || exact == w.exact && exact != not && q > w.q {
		w.q, w.exact = q, exact
	}
}

// parseRange reads one media range with its weight, which is 1 when absent.
func parseRange(text string) (mediaRange string, q float64, ok bool) {
	mediaRange, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "", 0, false
	}
	said, there := params["q"]
	if !there {
		return mediaRange, 1, true
	}
	q, err = strconv.ParseFloat(said, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return "", 0, false
	}
	return mediaRange, q, true
}
