package listing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var began = time.Date(2026, time.November, 27, 9, 0, 0, 0, time.UTC)

// paged is how a database answers.
func paged(left []Place, w Window, live int) []Place {
	ask := w.Ask(live)
	if ask.After != nil {
		left = slices.DeleteFunc(slices.Clone(left), func(p Place) bool { return !ask.After.Before(p) })
	}
	left = left[min(ask.Offset, len(left)):]
	return left[:min(ask.Limit, len(left))]
}

// Every list, by pages and by cursor, is as the two lists sorted together.
func TestEveryPageIsThatOfBothLists(t *testing.T) {
	chance := rand.New(rand.NewPCG(47, 0))
	for round := range 300 {
		var live, left, all []Place
		for i := range chance.IntN(40) {
			p := PlaceAt(began.Add(time.Duration(chance.IntN(30))*time.Second), fmt.Sprintf("ord-%d", i))
			all = append(all, p)
			if chance.IntN(3) == 0 {
				live = append(live, p)
			} else {
				left = append(left, p)
			}
		}
		newestFirst := func(a, b Place) int {
			if a.Before(b) {
				return -1
			}
			return 1
		}
		slices.SortFunc(live, newestFirst)
		slices.SortFunc(left, newestFirst)
		slices.SortFunc(all, newestFirst)
		size := 1 + chance.IntN(7)
		for how, next := range map[string]func(got []Place) Window{
			"by page":   func(got []Place) Window { return Window{Offset: len(got), Size: size} },
			"by cursor": func(got []Place) Window { return Window{After: &got[len(got)-1], Size: size} },
		} {
			var got []Place
			for w := (Window{Size: size}); ; w = next(got) {
				page, isMore := w.Fill(live, paged(left, w, len(live)))
				got = append(got, page...)
				if !isMore {
					break
				}
				if len(page) != size {
					t.Fatalf("round %d, %s: a page of %d with others behind it", round, how, len(page))
				}
			}
			if !slices.Equal(got, all) {
				t.Fatalf("round %d, %s: %v, want %v", round, how, got, all)
			}
		}
		far := Window{Offset: 1000, Size: size}
		if page, isMore := far.Fill(live, paged(left, far, len(live))); len(page) > 0 || isMore {
			t.Fatalf("round %d: there is something behind the end: %v", round, page)
		}
	}
}

func TestWhatIsInBothIsTakenOnce(t *testing.T) {
	a, b := PlaceAt(began, "ord-1"), PlaceAt(began.Add(time.Second), "ord-2")
	page, isMore := Window{Size: 2}.Fill([]Place{b, a}, []Place{b})
	if !slices.Equal(page, []Place{b, a}) || isMore {
		t.Errorf("%v, %t", page, isMore)
	}
}

func TestCursors(t *testing.T) {
	p := PlaceAt(began.Add(1234567*time.Nanosecond), "2hws6pmxkszxoxwtgxomwvw2y7")
	if got, err := ParseCursor(Cursor(p)); err != nil || got != p {
		t.Errorf("%v comes back as %v (%v)", p, got, err)
	}
	for _, bad := range []string{"", "x", "MTIz", Cursor(p) + "=", Cursor(p) + "A", Cursor(Place{CreatedAt: began}), Cursor(PlaceAt(began, "a b")), "LjE", Cursor(PlaceAt(began.AddDate(9000, 0, 0), "a"))} {
		if got, err := ParseCursor(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor(PlaceAt(began, "ord-1")))
	f.Add("MTIzNDU2LmE")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseCursor(text)
		if err == nil && Cursor(p) != text {
			t.Errorf("%q is read as %v, which is written %q", text, p, Cursor(p))
		}
	})
}
