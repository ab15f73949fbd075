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
	slots  []ref // 1 + index in states; open addressing
}

func newStore() *store { return &store{seed: maphash.MakeSeed(), slots: make([]ref, 1<<12)} }

// add returns the index of a state and whether it is new.
func (t *store) add(s *state, parent ref) (index ref, isNew bool) {
	if 2*len(t.states) >= len(t.slots) {
		t.slots = make([]ref, 2*len(t.slots))
		for i := range t.states {
			t.slots[t.slot(&t.states[i])] = ref(i) + 1
		}
	}
	h := t.slot(s)
	if found := t.slots[h]; found != 0 {
		return found - 1, false
	}
	t.states, t.parent = append(t.states, *s), append(t.parent, parent)
	t.slots[h] = ref(len(t.states))
	return ref(len(t.states) - 1), true
}

// slot is where a state is, or would be.
func (t *store) slot(s *state) uint64 {
	mask := uint64(len(t.slots) - 1)
	h := maphash.Comparable(t.seed, *s) & mask
	for t.slots[h] != 0 && t.states[t.slots[h]-1] != *s {
		h = (h + 1) & mask
	}
	return h
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
