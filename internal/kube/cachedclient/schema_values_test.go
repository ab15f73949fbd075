package cachedclient_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// What a fuzzer that knows the schema sends. Each value is JSON, to the letter.

// otherTypes are for fields of every type.
var otherTypes = []string{`null`, `true`, `7`, `"7"`, `""`, `[]`, `{}`, `[null]`, `{"a":1}`}

var texts = []string{
	"a", "A", " ", "0", "-1", "1.5", "null", "true", "é", "ÅÄÖ", "日本語", "\u202eevil", "e\u0301", "\U0001F680", "\u00a0", "\ufeff", "\ufffd",
	"a\tb", "a\nb", "a\x00b", "a\x7fb", "\u2028", "{}", `{"a":1}`, "<b>", "' OR 1=1", strings.Repeat("x", 65), strings.Repeat("x", 600), strings.Repeat("é", 300),
	"9223372036854775807", "9223372036854775808", "1e30", "0x10", "1_000", "NaN", "+Inf",
	// Durations, as people and other systems write them.
	"1h", "15m", "1h30m", "15m0s", "90s", "1.5h", ".5h", "5.h", "1ms", "1us", "1µs", "1μs", "1ns", "0", "0s", "-0", "+1h", "-1h", "--1h",
	"15 minutes", "1 h", " 1h", "1h ", "1d", "1w", "1y", "1M", "1H", "1hour", "PT15M", "P1D", "1h-30m", "1:30", "00:15:00", "1e3s", "1,5h", "١h", "1h\n",
	"2562047h", "2562048h", "9999999h", "999999h999999h999999h", "9999999999999999999h", "106751d", "0.000000000000000000001h", "1000000000000ns", "60m2h", "168h", "169h", "500ms",
	"for ever", "infinity", "",
}

var lonelySurrogates = []string{`"\ud800"`, `"a\udc00b"`}

var times = []string{
	"2026-03-01T12:00:00Z", "2026-03-01t12:00:00Z", "2026-03-01T12:00:00z", "2026-03-01t12:00:00z", "2026-03-01 12:00:00Z", "2026-03-01_12:00:00Z",
	"2026-03-01T12:00:00", "2026-03-01T12:00Z", "2026-03-01T12Z", "2026-03-01", "12:00:00Z", "T12:00:00Z", "2026-03-01T", "20260301T120000Z", "2026-3-1T12:00:00Z", "26-03-01T12:00:00Z",
	"2026-06-30T23:59:60Z", "2026-06-30T23:59:61Z", "2026-03-01T24:00:00Z", "2026-03-01T23:60:00Z", "2026-03-01T1:00:00Z", "2026-03-01T12:0:00Z", "2026-03-01T12:00:0Z",
	"2026-02-28T12:00:00Z", "2026-02-29T12:00:00Z", "2024-02-29T12:00:00Z", "1900-02-29T12:00:00Z", "2000-02-29T12:00:00Z", "2026-02-30T12:00:00Z", "2026-04-31T12:00:00Z", "2026-00-10T12:00:00Z", "2026-13-01T12:00:00Z", "2026-01-00T12:00:00Z", "2026-01-32T12:00:00Z",
	"0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "+2026-03-01T12:00:00Z", "02026-03-01T12:00:00Z",
	"2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00,5Z", "2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00.1234567890123456789Z", "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00:5Z",
	"2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00-00:00", "2026-03-01T12:00:00+23:59", "2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00+24:60", "2026-03-01T12:00:00+25:00", "2026-03-01T12:00:00+99:99", "2026-03-01T12:00:00-12:61",
	"2026-03-01T12:00:00+0200", "2026-03-01T12:00:00+02", "2026-03-01T12:00:00+2:00", "2026-03-01T12:00:00Z+02:00", "2026-03-01T12:00:00ZZ", "2026-03-01T12:00:00 UTC", "2026-03-01T12:00:00 Z", "2026-03-01T12:00:00\u221202:00",
	" 2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z ", "2026-03-01T12:00:00Z\n", "2026-03-01Tx12:00:00Z", "2026-03-01T12:00:00Zx", "2026-03-01T12:00:00Z12:00:00Z", "2026-03-01TT12:00:00Z", "2026-03-01T12:00:00T12:00:00Z",
	"２026-03-01T12:00:00Z", "٢٠٢٦-03-01T12:00:00Z", "2026-W09-7T12:00:00Z", "2026-060T12:00:00Z", "Sun, 01 Mar 2026 12:00:00 GMT", "1772366400", "now", "yesterday", "T", "Z", "",
}

var numbers = []string{
	"0", "-0", "1", "-1", "2", "100", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967296",
	"9007199254740991", "9007199254740993", "999999999999999999", "1000000000000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
	"18446744073709551616", "1e19", "1e30", "1e308", "-1e30", "1E2", "1e2", "100e-2", "1.0", "1.00", "-1.0", "1.5", "0.1", "1e-7", "-0.0", "1e0", "9.223372036854775807e18", "12345678901234567890123456789012345678901234567890",
}

// values are what is tried in a field.
func values(f field) []string {
	s, all := f.schema, slices.Clone(otherTypes)
	if hint := hints[f.path[strings.LastIndexByte(f.path, '.')+1:]]; hint != "" {
		all = append(all, hint)
	}
	for _, e := range s.Enum {
		all = append(all, string(e.Raw), strings.ToLower(string(e.Raw)), strings.ToUpper(string(e.Raw)))
	}
	switch {
	case s.Type == "integer" || s.Type == "number":
		all = append(all, numbers...)
		for _, bound := range []*float64{s.Minimum, s.Maximum} {
			if bound != nil {
				all = append(all, fmt.Sprintf("%.0f", *bound), fmt.Sprintf("%.0f", *bound-1), fmt.Sprintf("%.0f", *bound+1), fmt.Sprintf("%.1f", *bound))
			}
		}
	case s.Format == "date-time":
		all = append(all, quoted(times)...)
	case s.XPreserveUnknownFields != nil:
		all = append(all, entries()...)
	case s.Type == "string":
		all = append(append(all, quoted(texts)...), lonelySurrogates...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func quoted(texts []string) []string {
	var all []string
	for _, t := range texts {
		q, _ := json.Marshal(t) // a text always is
		all = append(all, string(q))
	}
	return all
}

// entries are journal entries as texts: good ones, and such as differ from a good one in one field.
func entries() []string {
	one := int64(1)
	at := v1alpha1.JournalEntry{}
	_ = json.Unmarshal([]byte(`{"seq":1,"kind":"Grant","name":"n","uid":"u","at":"2026-03-01T12:00:00Z","countedAt":"2026-03-01T12:00:00Z"}`), &at)
	at.Reason, at.Generated = "r", true
	at.Lines = []v1alpha1.JournalLine{{ProductID: "tea", ItemUID: "u", Quantity: -3, Remaining: 7, OnHand: &one, NotMoved: 1, Shortage: "Oversold"}, {ProductID: "mug"}}
	var text string
	whole, _ := json.Marshal(at)
	_ = json.Unmarshal(whole, &text)
	least, _ := json.Marshal(v1alpha1.JournalEntry{Seq: 1, Kind: "Grant", Name: `n"\`, UID: "ü\t", At: at.At})
	all := []string{string(whole), string(least)}
	all = append(all, quoted([]string{"", "{}", "no decision", "{", "[]", "7", text + "x", "x" + text, text[:len(text)-1], text + text, " " + text, strings.Replace(text, ",", " ,", 1), `{"SEQ":1}`, `{"seq":1,"seq":"x"}`})...)
	fields := map[string][]string{}
	for _, t := range []reflect.Type{reflect.TypeFor[v1alpha1.JournalEntry](), reflect.TypeFor[v1alpha1.JournalLine]()} {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			fields[name] = slices.Concat(otherTypes, numbers[:10], numbers[10:], quoted(texts[:20]), quoted(times), lonelySurrogates)
		}
	}
	for name, values := range fields {
		from := strings.Index(text, `"`+name+`":`) + len(name) + 3
		to := from + valueLength(text[from:])
		for _, v := range values {
			all = append(all, quoted([]string{text[:from] + v + text[to:]})...)
		}
	}
	return all
}

// valueLength is how long the JSON value is with which a text begins.
func valueLength(text string) int {
	d := json.NewDecoder(strings.NewReader(text))
	var v json.RawMessage
	if err := d.Decode(&v); err != nil {
		panic(err)
	}
	return len(v)
}
