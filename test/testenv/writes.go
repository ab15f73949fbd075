package testenv

import (
	"context"

	"github.com/orderplane/orderplane/test/testenv/apiwrites"
)

// Write is a kind of write: which verb on what.
type Write = apiwrites.Write

// Writes counts writes by kind, refused ones such as conflicts included: they
// cost the API server too.
type Writes = apiwrites.Counts

// Writes reads how many writes the first API server has answered since it
// started. Take one before and one after, and compare with Since.
func (e *Env) Writes(ctx context.Context) (Writes, error) {
	return apiwrites.Read(ctx, e.Config)
}

// WriteCounts is Writes for a test: it fails the test when it can't read them.
func (e *Env) WriteCounts(t TB) Writes {
	t.Helper()
	w, err := e.Writes(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	return w
}
