package trace_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/domain/trace"
)

const (
	theirTrace = "0af7651916cd43dd8448eb211c80319c"
	theirSpan  = "b7ad6b7169203331"
	parent     = "00-" + theirTrace + "-" + theirSpan + "-01"
)

// The ids that are made here.
const (
	madeTrace = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	madeSpan  = "bbbbbbbbbbbbbbbb"
)

func made() trace.Source {
	return trace.Source{Trace: func() string { return madeTrace }, Span: func() string { return madeSpan }}
}

func TestTheTraceOfARequest(t *testing.T) {
	t.Parallel()
	continued := "00-" + theirTrace + "-" + madeSpan
	began := trace.Trace{ID: madeTrace, Parent: "00-" + madeTrace + "-" + madeSpan + "-01"}
	for name, tc := range map[string]struct {
		id, parent string
		want       trace.Trace
	}{
		"nothing is said":                 {"", "", began},
		"a traceparent":                   {"", parent, trace.Trace{ID: theirTrace, Parent: continued + "-01"}},
		"one that is not sampled":         {"", "00-" + theirTrace + "-" + theirSpan + "-00", trace.Trace{ID: theirTrace, Parent: continued + "-00"}},
		"flags that nobody knows":         {"", "00-" + theirTrace + "-" + theirSpan + "-fd", trace.Trace{ID: theirTrace, Parent: continued + "-01"}},
		"a later version":                 {"", "01" + parent[2:] + "-what-else", trace.Trace{ID: theirTrace, Parent: continued + "-01"}},
		"an id of W3C":                    {theirTrace, "", trace.Trace{ID: theirTrace, Parent: continued + "-01"}},
		"an id of the client's own":       {"abc", "", trace.Trace{ID: "abc", Parent: began.Parent}},
		"both":                            {"abc", parent, trace.Trace{ID: "abc", Parent: continued + "-01"}},
		"the longest id":                  {strings.Repeat("x", 128), "", trace.Trace{ID: strings.Repeat("x", 128), Parent: began.Parent}},
		"an id that is too long":          {strings.Repeat("x", 129), "", began},
		"an id with a line break":         {"a\nb", "", began},
		"an id with a blank":              {"a b", "", began},
		"an id that is not ASCII":         {"é", "", began},
		"an id of zeros":                  {strings.Repeat("0", 32), "", trace.Trace{ID: strings.Repeat("0", 32), Parent: began.Parent}},
		"a traceparent of zeros":          {"", "00-" + strings.Repeat("0", 32) + "-" + theirSpan + "-01", began},
		"a span of zeros":                 {"", "00-" + theirTrace + "-" + strings.Repeat("0", 16) + "-01", began},
		"version ff":                      {"", "ff" + parent[2:], began},
		"version 00 with more":            {"", parent + "-more", began},
		"a later version run on":          {"", "01" + parent[2:] + "x", began},
		"a later version without end":     {"", "01" + parent[2:] + "-" + strings.Repeat("x", 300), began},
		"upper case":                      {"", strings.ToUpper(parent), began},
		"no hexadecimal digits":           {"", strings.Replace(parent, "0af7", "0ag7", 1), began},
		"too short":                       {"", parent[:54], began},
		"other separators":                {"", strings.ReplaceAll(parent, "-", "_"), began},
		"bytes of UTF-8 where digits are": {"", "00-" + strings.Repeat("é", 16) + "-" + theirSpan + "-01", began},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := trace.Of(tc.id, tc.parent, made())
			if got != tc.want {
				t.Errorf("trace = %+v, want %+v", got, tc.want)
			}
			object := &v1alpha1.Order{}
			object.Annotations = got.Annotations()
			if id := trace.IDOf(object); id != tc.want.ID {
				t.Errorf("annotations %v say %q", object.Annotations, id)
			}
			if said := object.Annotations[v1alpha1.TraceParentAnnotation]; said != tc.want.Parent {
				t.Errorf("annotations %v, want %q in them", object.Annotations, tc.want.Parent)
			}
			if twice := strings.Contains(tc.want.Parent, tc.want.ID) && len(object.Annotations) != 1; twice {
				t.Errorf("annotations %v say the id twice", object.Annotations)
			}
		})
	}
}

// The client's span is not the order's: a tool that draws the trace hangs what happens to
// the order under the gateway.
func TestTheSpanIsTheGateways(t *testing.T) {
	t.Parallel()
	if got := trace.Of("", parent, made()).Parent; strings.Contains(got, theirSpan) {
		t.Errorf("the traceparent that goes on is %s, which has the client's span", got)
	}
}

// Anybody who may write an object may write its annotations.
func TestWhatAnObjectSaysIsChecked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ parent, id, want string }{
		"none":                     {"", "", ""},
		"of the traceparent":       {parent, "", theirTrace},
		"of the client":            {"", "abc", "abc"},
		"the client's comes first": {parent, "abc", "abc"},
		"rubbish":                  {"a-b-c-d", "", ""},
		"no end":                   {"00-" + strings.Repeat("a", 100_000) + "-b-01", strings.Repeat("x", 100_000), ""},
		"a bad id, a good parent":  {parent, "a\nb", theirTrace},
	} {
		object := &v1alpha1.Order{}
		object.Annotations = map[string]string{}
		maps.Copy(object.Annotations, map[string]string{v1alpha1.TraceParentAnnotation: tc.parent, v1alpha1.TraceIDAnnotation: tc.id})
		if got := trace.IDOf(object); got != tc.want {
			t.Errorf("%s: %.40q, want %q", name, got, tc.want)
		}
	}
}

func FuzzTrace(f *testing.F) {
	f.Add("abc", parent)
	f.Add("", "01-"+theirTrace+"-"+theirSpan+"-01-x")
	f.Add("é\n", "ff"+parent[2:])
	f.Fuzz(func(t *testing.T, id, said string) {
		got := trace.Of(id, said, made())
		if !trace.IsID(got.ID) {
			t.Errorf("the id %q is not safe to repeat", got.ID)
		}
		if again := trace.Of("", got.Parent, made()); again.Parent != got.Parent {
			t.Errorf("the traceparent %q is not one: of it became %q", got.Parent, again.Parent)
		}
	})
}
