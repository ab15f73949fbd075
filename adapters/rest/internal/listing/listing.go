// Package listing makes one list of two: orders of the cluster, which are in memory, and those that have
// left it, which a database pages through. Both are newest first, and so is the list.
package listing

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orderplane/orderplane/internal/postgres/orderdb"
)

// Place is where an order stands in a list. Its time has microseconds, as Postgres has.
type Place = orderdb.Place

// PlaceAt is the place of an order.
func PlaceAt(created time.Time, id string) Place {
	return Place{CreatedAt: created.UTC().Truncate(time.Microsecond), ID: id}
}

// Window is a part of a list: Size places, those behind After, or without it those behind the first Offset
// ones.
type Window struct {
	After        *Place
	Offset, Size int
}

// Ask is what has to be asked of the database to fill the window, with so many orders in the cluster, and one
// place more, which says whether there is a next page. Of the orders before an offset at most as many
// as there are in the cluster are not the database's.
func (w Window) Ask(live int) orderdb.Page {
	if w.After != nil {
		return orderdb.Page{After: w.After, Limit: w.Size + 1}
	}
	skipped := max(0, w.Offset-live)
	return orderdb.Page{Offset: skipped, Limit: w.Offset - skipped + w.Size + 1}
}

// Fill fills the window with the places of live orders and with what the database answered; isMore says
// whether there are others behind it. A place that is in both is taken once: its order is leaving.
func (w Window) Fill(live, left []Place) (filled []Place, isMore bool) {
	passed := w.Offset - w.Ask(len(live)).Offset
	if w.After != nil {
		passed = 0
		behind, is := slices.BinarySearchFunc(live, *w.After, Compare)
		if is {
			behind++
		}
		live = live[behind:]
	}
	all := merged(live, left, passed+w.Size+1)
	all = all[min(passed, len(all)):]
	return all[:min(w.Size, len(all))], len(all) > w.Size
}

// merged are the first places of two lists, at most so many.
func merged(live, left []Place, most int) []Place {
	all := make([]Place, 0, min(most, len(live)+len(left)))
	for len(all) < most && len(live)+len(left) > 0 {
		order := 0
		switch {
		case len(left) == 0:
			order = -1
		case len(live) == 0:
			order = 1
		default:
			order = Compare(live[0], left[0])
		}
		if order <= 0 {
			all, live = append(all, live[0]), live[1:]
		} else {
			all = append(all, left[0])
		}
		if order >= 0 {
			left = left[1:]
		}
	}
	return all
}

// Compare orders places as lists have them.
func Compare(a, b Place) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	default:
		return 0
	}
}

// errCursor is what is wrong with a cursor that is none.
var errCursor = errors.New("is no cursor of this list; take nextCursor of the page before")

// maxID is how long the id of an order may be.
const maxID = 253

// Cursor writes a place as a text for a client. It means nothing to anybody else.
func Cursor(p Place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.CreatedAt.UnixMicro(), 10) + "." + p.ID))
}

// ParseCursor reads what Cursor wrote.
func ParseCursor(text string) (Place, error) {
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Place{}, errCursor
	}
	at, id, whole := strings.Cut(string(plain), ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !whole || id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r < '!' || r > '~' }) {
		return Place{}, errCursor
	}
	p := Place{CreatedAt: time.UnixMicro(micros).UTC(), ID: id}
	if year := p.CreatedAt.Year(); year < 0 || year > 9999 || Cursor(p) != text {
		return Place{}, errCursor
	}
	return p, nil
}
