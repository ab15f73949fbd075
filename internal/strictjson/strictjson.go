// Package strictjson finds what two JSON parsers may read differently: members
// that stand there twice, what is not UTF-8, more than one value, a byte order
// mark, nesting without end. Whoever reads a text that a client sent checks it
// first, and knows that every parser after it sees the same.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is far above what any text of ours needs.
const maxDepth = 64

// Error says where a text can be read in more ways than one, and why.
type Error struct {
	// Pointer leads to the place; empty for the whole text.
	Pointer jsontext.Pointer
	// Reason goes on after the place: "must not stand there twice".
	Reason string
}

func (e *Error) Error() string {
	if path := e.Path(); path != "" {
		return path + " " + e.Reason
	}
	return e.Reason
}

// Path is the place as people write it, such as items[0].quantity.
func (e *Error) Path() string { return Path(e.Pointer) }

// Path writes a pointer as people write it, such as items[0].quantity.
func Path(pointer jsontext.Pointer) string {
	var path strings.Builder
	for step := range pointer.Tokens() {
		if _, err := strconv.ParseUint(step, 10, 32); err == nil {
			fmt.Fprintf(&path, "[%s]", step)
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(step)
	}
	return path.String()
}

// Check returns an *Error unless text is one JSON value that every parser reads
// alike.
func Check(text []byte) error {
	return (&checker{same: func(name string) string { return name }}).check(text)
}

// CheckFolded is Check for readers that may not tell small letters from capitals:
// names that differ in nothing else count as the same.
func CheckFolded(text []byte) error {
	return (&checker{same: func(name string) string { return strings.ToLower(strings.ToUpper(name)) }}).check(text)
}

type checker struct {
	// same makes one spelling of all names that count as the same.
	same func(name string) string
	// seen has the names of each open object, nil for a list.
	seen []map[string]bool
}

func (c *checker) check(text []byte) error {
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return &Error{Reason: "must not begin with a byte order mark"}
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false))
	for values := 0; ; {
		found, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.EOF) && values == 0:
			return &Error{Reason: "must not be empty"}
		case errors.Is(err, io.EOF):
			return nil
		case values > 0:
			return &Error{Reason: "must be one JSON value with nothing after it"}
		case err != nil:
			return broken(dec, err)
		}
		if err := c.token(dec, found); err != nil {
			return err
		}
		if dec.StackDepth() == 0 {
			values++
		}
	}
}

func (c *checker) token(dec *jsontext.Decoder, found jsontext.Token) error {
	depth := dec.StackDepth()
	switch found.Kind() {
	case '{':
		c.seen = append(c.seen, map[string]bool{})
	case '[':
		c.seen = append(c.seen, nil)
	case '}', ']':
		c.seen = c.seen[:depth]
		return nil
	case '"':
		container, members := dec.StackIndex(depth)
		if container != '{' || members%2 == 0 {
			return nil
		}
		name := c.same(found.String())
		if c.seen[depth-1][name] {
			return &Error{Pointer: dec.StackPointer(), Reason: "must not stand there twice"}
		}
		c.seen[depth-1][name] = true
	default: // numbers and literals are read alike by all
	}
	if depth > maxDepth {
		return &Error{Reason: fmt.Sprintf("must not be nested deeper than %d", maxDepth)}
	}
	return nil
}

// broken says what the decoder found in words of ours. Where it stands before a
// name or a value that it can't read, the place is the last one it could.
func broken(dec *jsontext.Decoder, err error) *Error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return &Error{Pointer: dec.StackPointer(), Reason: "can't be read"}
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return &Error{Pointer: syntax.JSONPointer, Reason: "must not stand there twice"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Reason: "must be JSON, but it ends too early"}
	case strings.Contains(syntax.Err.Error(), "UTF-8"), strings.Contains(syntax.Err.Error(), "surrogate"):
		return &Error{Pointer: syntax.JSONPointer, Reason: "must be UTF-8 without halves of characters"}
	default:
		return &Error{Pointer: syntax.JSONPointer, Reason: "must be JSON: " + syntax.Err.Error()}
	}
}
