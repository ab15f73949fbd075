package mirror

import (
	"context"
	"fmt"
	"time"

	"github.com/orderplane/orderplane/adapters/mirror/internal/guard"
	"github.com/orderplane/orderplane/internal/postgres/mirrordb"
)

// lookEvery is how old the memory of cluster and topics may be: what is lost within it
// and comes back as far is not noticed.
const lookEvery = 10 * time.Second

// vigil looks again and again whether the cluster has gone back, and remembers how new
// it is. What does not answer is another's to tell: vigil only fails for a person.
func (s *Server) vigil(ctx context.Context, seen int64) error {
	ticker := s.deps.Clock.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		now, err := s.world().ResourceVersion(ctx)
		if err != nil {
			s.deps.Log.V(1).Info("the cluster can't be looked at", "error", err.Error())
			continue
		}
		if now < seen {
			return &guard.Refusal{
				Why:    fmt.Sprintf("the cluster has gone back while it was mirrored: from resourceVersion %d to %d", seen, now),
				WayOut: "the mirror says what to do when it is started again",
			}
		}
		seen = now
		for _, pool := range s.filled() {
			if err := mirrordb.Seen(ctx, pool, seen); err != nil {
				s.deps.Log.V(1).Info("the cluster's age can't be remembered", "error", err.Error())
			}
		}
	}
}

// watchTopics looks again and again whether the topics have lost records, and remembers
// how far they are filled.
func (s *Server) watchTopics(ctx context.Context) error {
	remembered, err := mirrordb.Topics(ctx, s.world().Orders)
	if err != nil {
		return err
	}
	ticker := s.deps.Clock.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		err := guard.Follow(ctx, s.world(), s.brokers, remembered, guard.Accept{})
		if isFinal(err) {
			return err
		}
		if err != nil {
			s.deps.Log.V(1).Info("the topics can't be looked at", "error", err.Error())
		}
	}
}
