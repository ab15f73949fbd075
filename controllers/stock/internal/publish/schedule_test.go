package publish

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orderplane/orderplane/controllers/stock/internal/effects"
)

// written has the choices of a while shown, as the publisher does.
func written(p *Schedule, from time.Time, decisionsPerSecond int, while time.Duration) (products []string) {
	const step = 100 * time.Millisecond
	for at := from; at.Before(from.Add(while)); at = at.Add(step) {
		p.Decided(decisionsPerSecond*int(step)/int(time.Second), at)
		for _, product := range p.due(at) {
			p.Clean(product, p.Mark(product))
			products = append(products, product)
		}
	}
	return products
}

func touched(products int, at time.Time) *Schedule {
	p := NewSchedule(time.Second)
	for n := range products {
		p.touch(product(n), true, at)
	}
	return p
}

func product(n int) string { return fmt.Sprintf("product-%03d", n) }

func TestProjectionsYieldToDecisions(t *testing.T) {
	start := time.Now()
	for decisions, want := range map[int][2]int{
		0:   {190, 210}, // a hundred a second
		10:  {90, 120},  // half as many
		100: {10, 20},   // what was saved up, then two a second
	} {
		p := touched(500, start)
		p.Decided(decisions, start)
		if got := len(written(p, start, decisions, 2*time.Second)); got < want[0] || got > want[1] {
			t.Errorf("beside %d decisions a second: %d projections in two seconds, want %d to %d", decisions, got, want[0], want[1])
		}
	}
	p := touched(100, start)
	p.Decided(1000, start)
	if got := len(written(p, start, 100, time.Minute)); got != 100 {
		t.Errorf("under load that does not end: %d of 100 products were shown in a minute", got)
	}
}

func TestWhatIsSoldOutIsShownFirst(t *testing.T) {
	start := time.Now()
	p := touched(100, start)
	p.Decided(100, start)
	written(p, start, 100, 5*time.Second) // what was saved up is used, most still wait
	now := start.Add(5 * time.Second)
	p.touch(product(42), false, now)
	if got := written(p, now, 100, time.Second); len(got) == 0 || got[0] != product(42) {
		t.Errorf("shown were %v, want product-042 first", got)
	}
	// Shown as it is, it waits its turn like any other.
	now = now.Add(time.Second)
	p.touch(product(42), false, now)
	if got := written(p, now, 100, 3*time.Second); slices.Contains(got, product(42)) {
		t.Errorf("shown were %v: product-042 again, and others wait longer", got)
	}
}

func TestNobodyWaitsForEverForWhatFlips(t *testing.T) {
	start := time.Now()
	p := touched(60, start)
	shown := map[string]bool{}
	for second := range 240 {
		now := start.Add(time.Duration(second) * time.Second)
		for n := range 10 {
			p.touch(product(n), second%2 == 0, now)
		}
		for _, product := range written(p, now, 100, time.Second) {
			shown[product] = true
		}
	}
	if len(shown) != 60 {
		t.Errorf("%d of 60 products were shown in four minutes", len(shown))
	}
}

func TestWhatIsTouchedWhileItIsWrittenStaysDue(t *testing.T) {
	now := time.Now()
	p := touched(1, now)
	due := p.due(now)
	mark := p.Mark(due[0])
	p.touch(due[0], false, now)
	p.Clean(due[0], mark)
	if got := p.due(now.Add(2 * time.Second)); len(got) != 1 || p.items[due[0]].flipped == 0 {
		t.Errorf("due is %v, flipped at %d", got, p.items[due[0]].flipped)
	}
}

func TestWhatCannotBeWrittenHoldsUpNobody(t *testing.T) {
	start := time.Now()
	p := touched(10, start.Add(-time.Second)) // those wait longest
	for n := range 40 {
		p.touch(product(n), true, start)
	}
	p.Decided(100, start)
	shown := map[string]bool{}
	for at := start; at.Before(start.Add(time.Minute)); at = at.Add(100 * time.Millisecond) {
		p.Decided(10, at)
		for _, chosen := range p.due(at) {
			if chosen < product(10) {
				continue // the API server refuses these ten
			}
			p.Clean(chosen, p.Mark(chosen))
			shown[chosen] = true
		}
	}
	if len(shown) != 30 || len(p.dirty) != 10 {
		t.Errorf("%d of 30 products were shown in a minute, %d are still due", len(shown), len(p.dirty))
	}
}

func TestWhatCannotBeWrittenIsTriedEverMoreRarely(t *testing.T) {
	now := time.Now()
	p := touched(1, now)
	var waits []time.Duration
	tries := func(while time.Duration, err error) (n int) {
		for end := now.Add(while); now.Before(end); now = now.Add(100 * time.Millisecond) {
			for _, product := range p.due(now) {
				n++
				if err != nil {
					p.backoff(product).Failed(now, err)
				} else {
					p.Clean(product, p.Mark(product))
				}
			}
			if wait, ok := p.Next(now); ok {
				waits = append(waits, wait)
			}
		}
		return n
	}
	if n := tries(time.Minute, errors.New("refused")); n > 10 {
		t.Errorf("tried %d times in a minute", n)
	}
	if longest := slices.Max(waits); longest < 20*time.Second || longest > effects.LastRetry {
		t.Errorf("the next try was up to %s away", longest)
	}
	if n := tries(effects.LastRetry, nil); n != 1 {
		t.Errorf("tried %d times once it could be written, and written each time", n)
	}
	p.touch(product(0), true, now)
	if n := tries(2*time.Second, errors.New("refused")); n != 2 {
		t.Errorf("tried %d times in two seconds, want 2: waits begin anew", n)
	}
}
