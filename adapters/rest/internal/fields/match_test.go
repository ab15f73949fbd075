package fields_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/orderplane/orderplane/adapters/rest/internal/fields"
	"github.com/orderplane/orderplane/api/openapi"
)

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		ifMatch string
		want    bool
	}{
		{`"7"`, true},
		{`"6", "7"`, true},
		{`"6","7"`, true},
		{`, "6" ,	, "7",`, true},
		{`W/"6", "7"`, true},
		{`W/"7"`, false},
		{`"6"`, false},
		{`"77"`, false},
		{`7`, false},
		{``, false},
		{`"7`, false},
		{`"6" "7"`, false},
		{`"7" x`, false},
		{`"a, "7""`, false},
		{`"\"7"`, false},
	} {
		if got := fields.Matches(tc.ifMatch, `"7"`); got != tc.want {
			t.Errorf("Matches(%s) = %v", tc.ifMatch, got)
		}
	}
}

// FuzzIfMatch holds the reader of If-Match against the grammar that the document has: what the
// grammar refuses names nothing, and of what it takes each tag is found as it was written.
func FuzzIfMatch(f *testing.F) {
	doc, err := openapi.Load()
	if err != nil {
		f.Fatal(err)
	}
	grammar := regexp.MustCompile(doc.Components.Parameters["IfMatch"].Value.Schema.Value.Pattern)
	entityTag := regexp.MustCompile(`(W/)?"[^"]*"`)
	for _, seed := range []string{`*`, `"7"`, `W/"7"`, `"6", "7"`, `, "6" , , "7",`, `"6" "7"`, `"7`, `W/"6",W/"7"`, "\t\"7\"", `"7" `, `"6""7"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ifMatch string) {
		found := entityTag.FindAllString(ifMatch, -1)
		good := grammar.MatchString(ifMatch)
		for _, tag := range append(found, `"7"`) {
			want := good && slices.Contains(found, tag)
			if got := fields.Matches(ifMatch, tag); got != want {
				t.Errorf("Matches(%q, %q) = %v, and the grammar takes it: %v", ifMatch, tag, got, good)
			}
		}
	})
}
