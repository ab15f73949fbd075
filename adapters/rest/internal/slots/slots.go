// Package slots bounds what is open at the same time, for each client and for all together.
package slots

import (
	"errors"
	"sync"
)

// What Take answers when there is no slot left.
var (
	// ErrFull says that all slots are taken.
	ErrFull = errors.New("all slots are taken")
	// ErrClientFull says that the client has as many as one client may have.
	ErrClientFull = errors.New("the client has all the slots that one client may have")
)

// Slots are a number of slots, of which each client may have some. Make them with New.
type Slots struct {
	most, perClient int

	mu      sync.Mutex
	taken   int
	clients map[string]int
}

// New returns slots of which none is taken.
func New(most, perClient int) *Slots {
	return &Slots{most: most, perClient: perClient, clients: map[string]int{}}
}

// Take takes a slot for a client, until giveBack is called. The error is ErrClientFull or ErrFull.
func (s *Slots) Take(client string) (giveBack func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.clients[client] >= s.perClient:
		return nil, ErrClientFull
	case s.taken >= s.most:
		return nil, ErrFull
	}
	s.taken++
	s.clients[client]++
	return sync.OnceFunc(func() { s.give(client) }), nil
}

func (s *Slots) give(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.clients[client]--; s.clients[client] == 0 {
		delete(s.clients, client)
	}
}

// Taken is how many are taken now.
func (s *Slots) Taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}
