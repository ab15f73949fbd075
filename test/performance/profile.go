package performance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// profile takes profiles of everything but etcd, of CPU and of what is
// allocated, while a group's contenders put load on it, and puts them beside
// the report.
func (b *bench) profile(ctx context.Context, c *comparison, g Group) error {
	d := b.opts.Plan.Profile
	if d == 0 {
		return nil
	}
	for _, contender := range g.Contenders {
		profiles, ctx := errgroup.WithContext(ctx)
		profiles.Go(func() error {
			end := time.Now().Add(d + 2*time.Second)
			_, err := closed(ctx, c.submitters[contender.String()], c.rounds.InFlight, window{begin: end, end: end})
			return err
		})
		processes := map[string]func(path string) ([]byte, error){
			"kube-apiserver": func(path string) ([]byte, error) {
				return c.stage.admin.do(ctx, http.MethodGet, "/debug/pprof/"+path, nil, nil)
			},
		}
		for _, c := range c.stage.components() {
			processes[c.Name()] = func(page string) ([]byte, error) { return c.profile(ctx, page) }
		}
		for process, get := range processes {
			for kind, path := range map[string]string{"cpu": "profile", "allocs": "allocs"} {
				file := filepath.Join(b.opts.Dir, strings.Join([]string{g.Name, contender.fileName(), process, kind}, "-")+".pprof")
				profiles.Go(func() error {
					data, err := get(fmt.Sprintf("%s?seconds=%d", path, int(d.Seconds())))
					if err != nil {
						return fmt.Errorf("profile %s: %w", process, err)
					}
					say(b.opts.Out, "%s: go tool pprof -top %s", contender, file)
					return os.WriteFile(file, data, 0o600)
				})
			}
		}
		if err := profiles.Wait(); err != nil {
			return errors.Join(fmt.Errorf("profile under %s", contender), err)
		}
	}
	return nil
}
