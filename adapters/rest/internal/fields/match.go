package fields

import (
	"slices"
	"strings"
)

// AnyVersion is the If-Match that every version matches.
const AnyVersion = "*"

// Matches reports whether an If-Match other than AnyVersion names an entity tag. It compares
// strongly (RFC 9110, 13.1.1): a weak tag matches nothing. The OpenAPI document has the grammar; a
// text that does not keep to it names nothing.
func Matches(ifMatch, tag string) bool {
	return slices.Contains(tags(ifMatch), tag)
}

// tags are the entity tags of a list, each as it was written; none of a text that is no list.
func tags(list string) (found []string) {
	rest := skip(list)
	for rest != "" {
		opaque, weak := strings.CutPrefix(rest, "W/")
		if !strings.HasPrefix(opaque, `"`) {
			return nil
		}
		end := strings.IndexByte(opaque[1:], '"')
		if end < 0 {
			return nil
		}
		length := end + 2
		if weak {
			length += len("W/")
		}
		tag, after := rest[:length], rest[length:]
		found = append(found, tag)
		rest = skip(after)
		if between := after[:len(after)-len(rest)]; after != "" && !strings.Contains(between, ",") {
			return nil
		}
	}
	return found
}

// skip leaves out what stands between the entries of a list.
func skip(list string) string { return strings.TrimLeft(list, " \t,") }
