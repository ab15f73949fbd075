// Package explore visits every state that a model can reach, breadth first. Only tests
// import it: each set of rules of the mirror is explored in a model that runs the rules
// themselves.
package explore

import (
	"hash/maphash"
	"slices"
)

// Model is a system in one configuration. Its states are plain values without pointers.
type Model[S comparable] struct {
	First S
	// Next emits every state that follows a state, with the step that leads to it.
	// Interchangeable states should be made equal first.
	Next func(s *S, emit func(step string, next *S))
	// Broken says which invariant a state breaks; empty when none.
	Broken func(s *S) string
	// Rest leaves the system to itself and says what is wrong once it has come to rest;
	// empty when nothing. It must not change the state.
	Rest func(s *S) string
}

// Result of an exploration.
type Result struct {
	States int
	// Problem that was found first, by the shortest way; empty when there is none.
	Problem string
	// Trace are the steps to it.
	Trace []string
	// Incomplete is true when the limit ended the exploration.
	Incomplete bool
}

// Explore visits the states of a model until one is wrong, all are visited, or there are
// limit of them.
func Explore[S comparable](m Model[S], limit int) Result {
	e := &exploration[S]{seed: maphash.MakeSeed(), slots: make([]int32, 1<<12)}
	e.add(&m.First, -1)
	for i := 0; i < len(e.states); i++ {
		s := e.states[i]
		problem := m.Broken(&s)
		if problem == "" {
			if problem = m.Rest(&s); problem != "" {
				problem = "at rest: " + problem
			}
		}
		if problem != "" {
			return Result{States: len(e.states), Problem: problem, Trace: e.trace(m, i)}
		}
		if len(e.states) >= limit {
			return Result{States: len(e.states), Incomplete: true}
		}
		m.Next(&s, func(_ string, next *S) { e.add(next, i) })
	}
	return Result{States: len(e.states)}
}

type exploration[S comparable] struct {
	seed    maphash.Seed
	states  []S
	parents []int32
	slots   []int32 // 1 + index in states; open addressing
}

func (e *exploration[S]) add(s *S, parent int) {
	if 2*len(e.states) >= len(e.slots) {
		e.slots = make([]int32, 2*len(e.slots))
		for i := range e.states {
			e.slots[e.slot(&e.states[i])] = int32(i) + 1
		}
	}
	at := e.slot(s)
	if e.slots[at] != 0 {
		return
	}
	e.states, e.parents = append(e.states, *s), append(e.parents, int32(parent)) //nolint:gosec // memory ends first
	e.slots[at] = int32(len(e.states))                                           //nolint:gosec // memory ends first
}

// slot is where a state is, or would be.
func (e *exploration[S]) slot(s *S) uint64 {
	mask := uint64(len(e.slots) - 1) //nolint:gosec // there are slots
	at := maphash.Comparable(e.seed, *s) & mask
	for e.slots[at] != 0 && e.states[e.slots[at]-1] != *s {
		at = (at + 1) & mask
	}
	return at
}

// trace names the steps that lead to a state.
func (e *exploration[S]) trace(m Model[S], at int) []string {
	var steps []string
	for e.parents[at] >= 0 {
		from, to, named := e.states[e.parents[at]], e.states[at], false
		m.Next(&from, func(step string, next *S) {
			if !named && *next == to {
				steps, named = append(steps, step), true
			}
		})
		at = int(e.parents[at])
	}
	slices.Reverse(steps)
	return steps
}
