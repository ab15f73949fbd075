package stock_test

import (
	"hash/maphash"
	"time"
)

// outcome of one exploration.
type outcome struct {
	states, steps int
	complete      bool
	broken        violation
	way           []string // the shortest way to it
	took          time.Duration
}

// store holds every state met, each once, in the order in which they were met.
type store struct {
	seed   maphash.Seed
	states []state
	parent []ref
	slots  []place // open addressing
}

// place is where a state is found: 1 + its index in states, and some of its hash, by which
// it is told from most others without a look at them.
type place struct{ found, hash ref }

func newStore() *store { return &store{seed: maphash.MakeSeed(), slots: make([]place, 1<<12)} }

// add returns the index of a state and whether it is new.
func (t *store) add(s *state, parent ref) (index ref, isNew bool) {
	if 2*len(t.states) >= len(t.slots) {
		t.grow()
	}
	hash := maphash.Comparable(t.seed, *s)
	at := &t.slots[t.slot(hash, s)]
	if at.found != 0 {
		return at.found - 1, false
	}
	t.states, t.parent = append(t.states, *s), append(t.parent, parent)
	*at = place{found: ref(len(t.states)), hash: ref(hash >> 32)}
	return at.found - 1, true
}

// slot is where a state of that hash is, or would be.
func (t *store) slot(hash uint64, s *state) uint64 {
	mask := uint64(len(t.slots) - 1)
	h := hash & mask
	for t.slots[h].found != 0 && (t.slots[h].hash != ref(hash>>32) || t.states[t.slots[h].found-1] != *s) {
		h = (h + 1) & mask
	}
	return h
}

func (t *store) grow() {
	t.slots = make([]place, 2*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for i := range t.states {
		hash := maphash.Comparable(t.seed, t.states[i])
		h := hash & mask
		for t.slots[h].found != 0 {
			h = (h + 1) & mask
		}
		t.slots[h] = place{found: ref(i) + 1, hash: ref(hash >> 32)}
	}
}

// explore visits every state that can be reached, breadth first, until one
// breaks an invariant or there are most.
func (c *checker) explore(most int) (out outcome) {
	begin := time.Now()
	defer func() { out.took = time.Since(begin) }()
	t := newStore()
	first := c.start()
	c.canonical(&first)
	t.add(&first, 0)
	for i := ref(0); int(i) < len(t.states); i++ {
		s := t.states[i]
		c.alonePart = -1
		c.check(&s)
		if c.broken == "" {
			c.settles(&s)
		}
		if c.broken == "" && len(t.states) < most {
			c.successors(&s, func(next state, _ action) {
				if c.broken != "" {
					return
				}
				out.steps++
				c.canonical(&next)
				t.add(&next, i)
			})
		}
		if c.broken != "" {
			out.states, out.broken = len(t.states), c.broken
			out.way = c.way(t, i)
			return out
		}
	}
	out.states, out.complete = len(t.states), len(t.states) < most
	return out
}

// way tells how to get to a state, and what breaks there, with one name for
// each process from start to end.
func (c *checker) way(t *store, end ref) (told []string) {
	broken, alone := c.broken, c.alonePart
	var indices []ref
	for i := end; ; i = t.parent[i] {
		indices = append(indices, i)
		if i == 0 {
			break
		}
	}
	now := c.start()
	c.simplify(&now)
	for k := len(indices) - 2; k >= 0; k-- {
		want := t.states[indices[k]]
		var found *state
		c.successors(&now, func(next state, a action) {
			if found != nil {
				return
			}
			same := next
			if c.canonical(&same); same == want {
				c.simplify(&next)
				found = &next
				told = append(told, c.tell(a))
			}
		})
		if found == nil {
			return append(told, "the way from here was lost")
		}
		now = *found
	}
	if alone >= 0 {
		return append(told, c.wayAlone(t, end, now, alone, broken)...)
	}
	// The last step, when it is a step that breaks something.
	c.broken = ""
	if c.check(&now); c.broken == "" {
		c.successors(&now, func(next state, a action) {
			if c.canonical(&next); c.broken == broken {
				told = append(told, c.tell(a))
				c.broken = "told"
			}
		})
	}
	c.broken = broken
	return told
}

// wayAlone tells how a process comes to rest badly.
func (c *checker) wayAlone(t *store, end ref, now state, n int, broken violation) (told []string) {
	for who := range c.world.processes { // the one that has the canonical one's state
		if now.processes[who] == t.states[end].processes[n] {
			n = who
			break
		}
	}
	told = append(told, "then alone:")
	for range 60 {
		next, a, rest := c.alone(&now, n)
		if rest {
			break
		}
		told = append(told, c.tell(a))
		c.simplify(&next)
		now = next
	}
	c.broken = broken
	return told
}
