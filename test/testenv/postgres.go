package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/orderplane/orderplane/internal/devservices"
)

// servicesWithin covers the start of a service on a machine that is busy with other tests.
const servicesWithin = startTimeout

//nolint:gochecknoglobals // one server for a test binary, whose tests come from several files
var sharedPostgres = sync.OnceValues(startPostgres)

// postgresServer is a server in a folder that goes with it.
type postgresServer struct {
	*devservices.Postgres
	folder *throwawayFolder
}

// Postgres is a Postgres server for all tests of the binary: started by the first that asks,
// gone with the binary, with its data. Everybody on this machine is let in as
// devservices.PostgresUser. Tests keep apart by database.
func Postgres(t TB) *devservices.Postgres {
	t.Helper()
	p, err := sharedPostgres()
	if err != nil {
		t.Fatalf("start Postgres: %v", err)
	}
	return p.Postgres
}

func startPostgres() (*postgresServer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), servicesWithin)
	defer cancel()
	bin, err := devservices.FindPostgres()
	if errors.Is(err, devservices.ErrNoPostgres) {
		bin, err = devservices.FetchPostgres(ctx, tell)
	}
	if err != nil {
		return nil, err
	}
	folder, err := newThrowawayFolder()
	if err != nil {
		return nil, err
	}
	p, err := devservices.StartPostgres(ctx, devservices.PostgresOptions{
		Bin: bin, Dir: folder.path("postgres"), LogDir: folder.path("log"), UnsafeNoFsync: true,
	})
	if err != nil {
		return nil, err
	}
	return &postgresServer{Postgres: p, folder: folder}, nil
}

// tell says what is done before the first test can run.
func tell(format string, args ...any) { _, _ = fmt.Fprintf(os.Stderr, format+"\n", args...) }
