package strictjson_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/strictjson"
)

func TestWhatParsersReadDifferently(t *testing.T) {
	for _, tc := range []struct{ name, text, path, reason string }{
		{"empty", "", "", "empty"},
		{"blank", " \n", "", "empty"},
		{"cut off", `{"a":1`, "", "ends too early"},
		{"two values", `{"a":1}{"a":2}`, "", "nothing after it"},
		{"two values, blank between", `{} {}`, "", "nothing after it"},
		{"garbage after it", `{}x`, "", "nothing after it"},
		{"half a value after it", `{}"x`, "", "nothing after it"},
		{"NUL after it", "{}\x00", "", "nothing after it"},
		{"BOM", "\ufeff{}", "", "byte order mark"},
		{"a member twice", `{"a":1,"a":1}`, "a", "twice"},
		{"a member twice, escaped", `{"a":1,"\u0061":1}`, "a", "twice"},
		{"a member twice, below", `{"items":[{"quantity":1},{"quantity":9,"quantity":1}]}`, "items[1].quantity", "twice"},
		{"a member twice, apart", `{"a":{"b":[{}]},"c":"c","a":1}`, "a", "twice"},
		{"text not UTF-8", "{\"a\":\"\xff\"}", "a", "UTF-8"},
		{"overlong", "{\"a\":\"\xc0\xaf\"}", "a", "UTF-8"},
		{"encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", "a", "UTF-8"},
		{"half a character", `{"a":[0,"\ud800"]}`, "a[1]", "UTF-8"},
		{"the other half", `{"a":"\udc00x"}`, "a", "UTF-8"},
		{"halves in the wrong order", `{"a":"\udc00\ud800"}`, "a", "UTF-8"},
		{"single quotes", `{'a':1}`, "", "JSON"},
		{"comma too many", `{"a":1,}`, "", "JSON"},
		{"NaN", `{"a":NaN}`, "a", "JSON"},
		{"leading zero", `{"a":01}`, "", "JSON"},
		{"plus", `{"a":+1}`, "a", "JSON"},
		{"hexadecimal", `{"a":0x1}`, "", "JSON"},
		{"line break in text", "{\"a\":\"\n\"}", "a", "JSON"},
		{"comment", `{/**/"a":1}`, "", "JSON"},
		{"deep lists", strings.Repeat("[", 100_000), "", "nested"},
		{"deep objects", strings.Repeat(`{"a":`, 100_000), "", "nested"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := strictjson.Check([]byte(tc.text))
			var found *strictjson.Error
			if !errors.As(err, &found) || !strings.Contains(found.Reason, tc.reason) || found.Path() != tc.path {
				t.Errorf("err = %v at %q, want %q at %q", err, found.Path(), tc.reason, tc.path)
			}
		})
	}
}

func TestNamesThatDifferInCapitals(t *testing.T) {
	for _, text := range []string{
		`{"currency":"EUR","CURRENCY":"zz"}`, `{"x":{"a":1,"b":2,"A":3}}`, `{"s":1,"ſ":2}`, `{"k":1,"\u212a":2}`, `{"ä":1,"Ä":2}`,
	} {
		if err := strictjson.Check([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := strictjson.CheckFolded([]byte(text)); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func TestGoodTexts(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `0`, ` {"a" : [1, {"a": "a"}], "b": {"a": 1} } `, `"\ud83d\ude00"`, `"\u0000"`, `-1.5e-7`, `{"":{"":1}}`,
		`[{"a":1},{"a":2}]`, `"ÿ"`,
	} {
		if err := strictjson.CheckFolded([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzCheck holds that what passes is JSON, and that writing it anew changes nothing.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x",null]}`, `{"a":1,"a":2}`, "\"\xff\"", `"\ud800"`, `{"a":{}}{}`, `[[1e400]]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if strictjson.CheckFolded(text) != nil {
			return
		}
		if err := strictjson.Check(text); err != nil {
			t.Fatalf("stricter than CheckFolded: %v", err)
		}
		read := func(text []byte) (value any) {
			dec := json.NewDecoder(strings.NewReader(string(text)))
			dec.UseNumber()
			if err := dec.Decode(&value); err != nil {
				t.Fatalf("encoding/json refuses it: %v", err)
			}
			return value
		}
		first := read(text)
		again, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := read(again); !reflect.DeepEqual(first, second) {
			t.Errorf("%s became %s", text, again)
		}
	})
}
