package cachedclient

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// mostUnreadable bounds how many fields of an object are looked for one by one. Of an
	// object with more than that only the metadata is kept.
	mostUnreadable = 32
	// longestProblem bounds what is told of a field: it may hold a value of any length.
	longestProblem = 200
)

// decodeObject decodes an object. One that can't be decoded whole is set aside: it has what
// could be decoded, and is marked. An error means that not even its metadata could be.
func decodeObject[T any, P object[T]](text jsontext.Value, how json.Options) (P, error) {
	o := P(new(T))
	if err := json.Unmarshal(text, o, how); err != nil {
		return salvage[T, P](text, err, how)
	}
	withoutKind(o)
	return o, nil
}

// salvage decodes what can be decoded of an object: it takes out the field over which the
// decoder stumbled, and decodes again.
func salvage[T any, P object[T]](text jsontext.Value, err error, how json.Options) (P, error) {
	var fields []Unreadable
	for len(fields) < mostUnreadable {
		var wrong *json.SemanticError
		if !errors.As(err, &wrong) || wrong.JSONPointer == "" {
			return nil, err
		}
		if n := len(fields); n > 0 && fields[n-1].Field == pathOf(wrong.JSONPointer) {
			break // to take it out did not help
		}
		fields = append(fields, Unreadable{Field: pathOf(wrong.JSONPointer), Problem: problemOf(wrong)})
		if text, err = without(text, slices.Collect(wrong.JSONPointer.Tokens())); err != nil {
			return nil, err
		}
		o := P(new(T))
		if err = json.Unmarshal(text, o, how); err == nil {
			return setAside[T](o, fields)
		}
	}
	o := P(new(T))
	if err := json.Unmarshal(metadataOf(text), o, how); err != nil {
		return nil, err
	}
	return setAside[T](o, append(fields, Unreadable{"spec", "too much of the object can't be decoded"}, Unreadable{"status", "too much of the object can't be decoded"}))
}

func setAside[T any, P object[T]](o P, fields []Unreadable) (P, error) {
	if o.GetName() == "" || o.GetResourceVersion() == "" {
		return nil, fmt.Errorf("an object has no readable name or resourceVersion: %s", describe(fields))
	}
	mark(o, fields)
	withoutKind(o)
	return o, nil
}

// without is a text in which the value at the end of a path is null.
func without(text jsontext.Value, path []string) (jsontext.Value, error) {
	if len(path) == 0 {
		return jsontext.Value("null"), nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	opened, err := d.ReadToken()
	for i := 0; err == nil && (opened.Kind() == '{' || opened.Kind() == '['); i++ {
		name := strconv.Itoa(i)
		if opened.Kind() == '{' {
			var token jsontext.Token
			if token, err = d.ReadToken(); err != nil || token.Kind() == '}' {
				break
			}
			name = token.String()
		}
		value, readErr := d.ReadValue()
		if readErr != nil {
			return nil, readErr
		}
		if name != path[0] {
			continue
		}
		end := int(d.InputOffset())
		start := end - len(value)
		inner, err := without(value, path[1:])
		return slices.Concat(text[:start], inner, text[end:]), err
	}
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s is not in the object", path[0])
}

// metadataOf is an object's text less all but its metadata.
func metadataOf(text jsontext.Value) jsontext.Value {
	var only struct {
		Metadata jsontext.Value `json:"metadata"`
	}
	if err := json.Unmarshal(text, &only); err != nil {
		return text
	}
	return append(append([]byte(`{"metadata":`), only.Metadata...), '}')
}

// pathOf is a pointer as people write a field: "/spec/items/0/quantity" is "spec.items[0].quantity".
func pathOf(at jsontext.Pointer) string {
	var path strings.Builder
	for token := range at.Tokens() {
		_, notIndex := strconv.Atoi(token)
		switch {
		case notIndex == nil:
			path.WriteString("[" + token + "]")
		case path.Len() > 0:
			path.WriteString("." + token)
		default:
			path.WriteString(token)
		}
	}
	return path.String()
}

// problemOf is why a field can't be decoded, without the path, which is told beside it.
func problemOf(wrong *json.SemanticError) string {
	var problem string
	switch {
	case wrong.JSONValue != nil && wrong.GoType != nil:
		problem = fmt.Sprintf("%s is no %s", wrong.JSONValue, wrong.GoType)
	case wrong.Err != nil:
		problem = wrong.Err.Error()
	case wrong.JSONKind != 0 && wrong.GoType != nil:
		problem = fmt.Sprintf("a JSON %s is no %s", wrong.JSONKind, wrong.GoType)
	default:
		problem = wrong.Error()
	}
	if len(problem) > longestProblem {
		problem = problem[:longestProblem] + "..."
	}
	return problem
}
