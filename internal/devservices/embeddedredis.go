package devservices

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// EmbeddedRedis speaks Redis' protocol from within this process and keeps everything in memory.
// It is for trying things out.
type EmbeddedRedis struct {
	server *miniredis.Miniredis
	port   int
	ended  chan struct{}
	aging  sync.WaitGroup
}

// StartEmbeddedRedis runs an embedded Redis on a loopback port, a free one when 0. It serves when
// this returns.
func StartEmbeddedRedis(port int) (*EmbeddedRedis, error) {
	for fixed := port != 0; ; {
		if !fixed {
			free, err := devcluster.FreePort()
			if err != nil {
				return nil, err
			}
			port = free
		}
		r := &EmbeddedRedis{server: miniredis.NewMiniRedis(), port: port, ended: make(chan struct{})}
		err := r.server.StartAddr(address(port))
		if err == nil {
			r.aging.Go(r.age)
			return r, nil
		}
		if fixed || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("start the embedded Redis on port %d: %w", port, err)
		}
	}
}

// age lets keys run out, which miniredis leaves to whoever runs it.
func (r *EmbeddedRedis) age() {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for last := time.Now(); ; {
		select {
		case <-r.ended:
			return
		case now := <-ticks.C:
			r.server.FastForward(now.Sub(last))
			last = now
		}
	}
}

// Port is the loopback port.
func (r *EmbeddedRedis) Port() int { return r.port }

// Addr is the server's address, as clients take it.
func (r *EmbeddedRedis) Addr() string { return address(r.port) }

// Stop ends the server; what it kept is gone.
func (r *EmbeddedRedis) Stop() {
	close(r.ended)
	r.aging.Wait()
	r.server.Close()
}
