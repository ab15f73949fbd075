// Command patterns adds to generated CRDs what controller-gen has no marker for: that
// the API server stores no time and no journal entry that can't be decoded.
//
// The format date-time is not enough. The API server takes a list for a text that has a
// format, a small t or z, and an offset of 99 hours; Go reads none of these. And of a journal
// entry the schema knows only that it is a text.
package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

const (
	// clock is the rest of a time of RFC 3339 behind its date, as Go reads it.
	clock = `T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
	// day is a day that there is, leap years minded. Of a field with the format date-time the
	// format minds it.
	day = `([0-9]{4}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|[0-9]{4}-(0[469]|11)-(0[1-9]|[12][0-9]|30)|[0-9]{4}-02-(0[1-9]|1[0-9]|2[0-8])|` +
		`([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)`
	timePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}` + clock + `$`

	text   = `"([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"`
	number = `-?(0|[1-9][0-9]{0,17})`
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: patterns CRD.yaml...")
		os.Exit(2)
	}
	for _, file := range os.Args[1:] {
		if err := add(file); err != nil {
			fmt.Fprintf(os.Stderr, "patterns: %v\n", err)
			os.Exit(1)
		}
	}
}

// add adds the patterns to the CRD in a file.
func add(file string) error {
	crd, err := os.ReadFile(file) //nolint:gosec // named by whoever starts this
	if err != nil {
		return err
	}
	entry, err := patternOf(reflect.TypeFor[v1alpha1.JournalEntry]())
	if err != nil {
		return err
	}
	var out []string
	inTime, inEntries := false, false
	for line := range strings.Lines(string(crd)) {
		trimmed := strings.TrimSpace(line)
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		out = append(out, line)
		switch {
		case trimmed == "entries:":
			inEntries = true
		case inEntries && strings.HasPrefix(trimmed, "maxLength:"):
			out = append(out, indent+"pattern: "+quoted("^"+entry+"$")+"\n")
			inEntries = false
		case trimmed == "format: date-time":
			out = append(out, indent+"pattern: "+quoted(timePattern)+"\n")
			inTime = true
		case inTime && trimmed == "type: string":
			out = append(out, indent+"x-kubernetes-validations:\n",
				indent+"- message: a time is a text such as 2026-03-01T12:00:00Z\n",
				indent+"  rule: "+quoted("self >= timestamp('0001-01-01T00:00:00Z')")+"\n")
			inTime = false
		}
	}
	return os.WriteFile(file, []byte(strings.Join(out, "")), 0o644) //nolint:gosec // it is a source file
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// patternOf is the pattern of the JSON that encoding/json makes of a type.
func patternOf(t reflect.Type) (string, error) {
	if t == reflect.TypeFor[metav1.Time]() {
		return `("` + day + clock + `"|null)`, nil
	}
	switch t.Kind() {
	case reflect.String:
		return text, nil
	case reflect.Int64:
		return number, nil
	case reflect.Bool:
		return `(true|false)`, nil
	case reflect.Pointer:
		return patternOf(t.Elem())
	case reflect.Slice:
		of, err := patternOf(t.Elem())
		return fmt.Sprintf(`\[(%s(,%s)*)?\]`, of, of), err
	case reflect.Struct:
		return patternOfStruct(t)
	default:
		return "", fmt.Errorf("%s: there is no pattern for a %s; give it one here", t, t.Kind())
	}
}

// patternOfStruct has the members in the order of the fields, those that may be left out behind
// the comma with which they begin. The first is never left out.
func patternOfStruct(t reflect.Type) (string, error) {
	var b strings.Builder
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		value, err := patternOf(t.Field(i).Type)
		if err != nil {
			return "", err
		}
		member := fmt.Sprintf(`"%s":%s`, name, value)
		switch {
		case i == 0:
			b.WriteString(member)
		case strings.Contains(options, "omitempty"):
			b.WriteString("(," + member + ")?")
		default:
			b.WriteString("," + member)
		}
	}
	return `\{` + b.String() + `\}`, nil
}
