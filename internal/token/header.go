package token

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"github.com/orderplane/orderplane/internal/strictjson"
)

// header is what matters of a token's header. What may stand there beside it,
// such as keys and where to fetch them, is never looked at.
type header struct {
	// kid names the key; hasKid is false when the header has none.
	kid    string
	hasKid bool
	// typ says what kind of token it is; empty when the header does not.
	typ string
}

// readHeader refuses every header that asks for more than RS256. An extension
// that crit names, or an unencoded payload, would mean another token than the one
// that is read here (RFC 7515, 4.1.11; RFC 7797).
func readHeader(text []byte) (header, error) {
	members, err := readObject("header", text, "alg", "kid", "typ", "crit", "b64")
	if err != nil {
		return header{}, err
	}
	for _, name := range []string{"crit", "b64"} {
		if _, there := members[name]; there {
			return header{}, fmt.Errorf("its header must not have %s: no extension is understood here", name)
		}
	}
	if alg, ok := asText(members["alg"]); !ok || alg != jwt.SigningMethodRS256.Alg() {
		return header{}, errors.New("its signature is not an RS256 signature (header alg)")
	}
	var h header
	h.typ, _ = asText(members["typ"])
	kid, there := members["kid"]
	if h.kid, h.hasKid = asText(kid); there && !h.hasKid {
		return header{}, errors.New("its header kid must be a string")
	}
	return h, nil
}

// readObject reads a part of a token, which has to be one JSON object that every
// parser reads alike. Names are those that mean something here: another spelling
// of them would mean the same to a parser that does not tell capitals.
func readObject(part string, text []byte, names ...string) (map[string]jsontext.Value, error) {
	if err := strictjson.Check(text); err != nil {
		return nil, fmt.Errorf("its %s: %w", part, err)
	}
	members, ok := asObject(text)
	if !ok {
		return nil, fmt.Errorf("its %s must be a JSON object", part)
	}
	for name := range members {
		if meant := spelt(name, names); meant != name {
			return nil, fmt.Errorf("its %s %s is spelt %s", part, name, meant)
		}
	}
	return members, nil
}

func asObject(value jsontext.Value) (map[string]jsontext.Value, bool) {
	var members map[string]jsontext.Value
	err := json.Unmarshal(value, &members)
	return members, err == nil && members != nil
}

func asList(value jsontext.Value) ([]jsontext.Value, bool) {
	var entries []jsontext.Value
	err := json.Unmarshal(value, &entries)
	return entries, err == nil && entries != nil
}

func asText(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	var text string
	err := json.Unmarshal(value, &text)
	return text, err == nil
}
