package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// profile takes CPU profiles of everything but etcd while a group's contenders
// put load on it, and puts them beside the report.
func (b *bench) profile(ctx context.Context, c *comparison, g Group) error {
	d := b.opts.Plan.Profile
	if d == 0 {
		return nil
	}
	admin, err := newClient(c.stage.admin)
	if err != nil {
		return err
	}
	for _, contender := range g.Contenders {
		profiles, ctx := errgroup.WithContext(ctx)
		profiles.Go(func() error {
			end := time.Now().Add(d + 2*time.Second)
			_, err := closed(ctx, c.placers[contender.String()], c.turns.InFlight, window{begin: end, end: end})
			return err
		})
		name := g.Name + "-" + contender.fileName()
		path := fmt.Sprintf("profile?seconds=%d", int(d.Seconds()))
		sources := map[string]func() ([]byte, error){
			"kube-apiserver": func() ([]byte, error) {
				return admin.do(ctx, http.MethodGet, "/debug/pprof/"+path, nil, nil)
			},
		}
		for process, r := range map[string]*role{"manager": c.stage.manager, "gateway": c.stage.gateway} {
			if r != nil {
				sources[process] = func() ([]byte, error) { return fetch(ctx, r.profileURL(path)) }
			}
		}
		for process, source := range sources {
			profiles.Go(func() error {
				data, err := source()
				if err != nil {
					return fmt.Errorf("profile %s: %w", process, err)
				}
				file := filepath.Join(b.opts.Dir, name+"-"+process+".pprof")
				say(b.opts.Out, "%s: go tool pprof -top %s", contender, file)
				return os.WriteFile(file, data, 0o600)
			})
		}
		if err := profiles.Wait(); err != nil {
			return errors.Join(fmt.Errorf("profile under %s", contender), err)
		}
	}
	return nil
}
