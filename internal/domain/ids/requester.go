package ids

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
)

const (
	// maxRequester is how many characters a requester may have (the schema's limit).
	maxRequester = 253
	// startOfRequester is how many of a name that does not fit are kept.
	startOfRequester = 200
)

// Requester is how a Kubernetes user is written down. Their name may have any
// length and any characters. One that is too long for the schema, or that has
// control characters, is written as its start, without those, and a hash of all of
// it, so that no two users are written alike.
func Requester(user string) string {
	runes := []rune(strings.ToValidUTF8(user, "\ufffd"))
	plain := string(runes)
	if len(runes) <= maxRequester && plain == user && !strings.ContainsFunc(plain, isControl) {
		return user
	}
	start := strings.Map(func(r rune) rune {
		if isControl(r) {
			return '\ufffd'
		}
		return r
	}, string(runes[:min(len(runes), startOfRequester)]))
	sum := sha256.Sum256([]byte(user))
	return start + " sha256:" + hex.EncodeToString(sum[:16])
}

// isControl is whether a text of one line may not have a character.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}
