package render

import (
	"strings"
	"unicode"
)

// mostRunes of what a person wrote are shown, at each place.
const mostRunes = 300

// clean is what a person wrote, made fit for any text: on one line, without what can't be seen or turns
// the direction of what follows, and not too long.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cf, r) && !isJoiner(r), unicode.Is(unicode.Co, r):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		default:
			return r
		}
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > mostRunes {
		text = string(runes[:mostRunes-1]) + "…"
	}
	return text
}

// isJoiner says that an invisible character is a part of how words of some languages, and emoji, are written.
func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// noLinks puts a break that is not seen where a mail program would make a link of a text. Otherwise anybody
// could have a mail with a link of theirs sent to anybody, by an order.
func noLinks(text string) string {
	const unseen = '\u200b'
	runes := []rune(text)
	var broken strings.Builder
	for at, r := range runes {
		broken.WriteRune(r)
		before, next := at > 0 && isWord(runes[at-1]), at+1 < len(runes) && isWord(runes[at+1])
		slashes := r == ':' && at+1 < len(runes) && runes[at+1] == '/'
		if r == '@' || slashes || r == '.' && before && next {
			broken.WriteRune(unseen)
		}
	}
	return broken.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// isolated keeps a text of another direction from changing the order of what stands around it.
func isolated(text, direction string) string {
	if text == "" || direction != rightToLeft {
		return text
	}
	return "\u2068" + text + "\u2069"
}
