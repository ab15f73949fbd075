//go:build linux

package compose_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"
)

// patience is how long all of it may take to start on a machine that is busy with other work.
const patience = 4 * time.Minute

// engine runs a compose file as docker compose does, with a container's root, user and mounts, and one network for all: each
// service is found by its name, at the ports that it has in its container. Images of others have stand-ins.
type engine struct {
	t       *testing.T
	dir     string
	project *types.Project
	images  map[string]*rootfs
	// standIns start a service whose image is not ours. They serve when they return.
	standIns map[string]func(ctx context.Context) error
	// stop ends every service.
	stop context.CancelFunc

	mu         sync.Mutex
	containers map[string]*container
}

// milestones of a service: closed when it was started, says that it is well, has ended well.
type milestones struct{ started, healthy, completed chan struct{} }

// up starts every service, each as soon as those that it depends on are where it needs them, and returns once all of them are.
// The services run until ctx is done, which stop does.
func (e *engine) up(ctx context.Context) error {
	reached := map[string]milestones{}
	for name := range e.project.Services {
		reached[name] = milestones{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	}
	group, starting := errgroup.WithContext(ctx)
	starting, stop := context.WithTimeout(starting, patience)
	defer stop()
	for name, service := range e.project.Services {
		group.Go(func() error {
			for other, dependency := range service.DependsOn {
				if err := await(starting, reached[other], dependency.Condition); err != nil {
					return fmt.Errorf("%s waits for %s: %w", name, other, err)
				}
			}
			return e.start(ctx, starting, service, reached[name])
		})
	}
	return group.Wait()
}

func await(ctx context.Context, m milestones, condition string) error {
	reached := map[string]chan struct{}{
		types.ServiceConditionStarted:               m.started,
		types.ServiceConditionHealthy:               m.healthy,
		types.ServiceConditionCompletedSuccessfully: m.completed,
	}[condition]
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start brings a service to its last milestone.
func (e *engine) start(ctx, starting context.Context, s types.ServiceConfig, m milestones) error {
	began := time.Now()
	if standIn := e.standIns[s.Name]; standIn != nil {
		if err := standIn(starting); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		close(m.started)
		close(m.healthy)
		e.t.Logf("%-10s stands in after %s", s.Name, time.Since(began).Round(time.Millisecond))
		return nil
	}
	c, err := e.container(s)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	if s.Restart == types.RestartPolicyNo {
		if _, err := c.run(starting); err != nil {
			return err
		}
		close(m.completed)
		e.t.Logf("%-10s has ended after %s", s.Name, time.Since(began).Round(time.Millisecond))
		return nil
	}
	if err := e.serve(ctx, starting, c, m); err != nil {
		return err
	}
	e.t.Logf("%-10s is well after %s", s.Name, time.Since(began).Round(time.Millisecond))
	return nil
}

// serve runs a service until ctx is done, and returns once its health check says that it is well.
func (e *engine) serve(ctx, starting context.Context, c *container, m milestones) error {
	cmd, err := c.command(ctx)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = c.log, c.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", c.service.Name, err)
	}
	ended := make(chan error, 1)
	gone := make(chan struct{})
	go func() {
		ended <- cmd.Wait()
		close(gone)
	}()
	e.t.Cleanup(func() {
		e.stop()
		<-gone
	})
	close(m.started)
	check := c.service.HealthCheck
	if check == nil || check.Test[0] != "CMD" {
		return fmt.Errorf("%s: a service of ours needs a health check by CMD", c.service.Name)
	}
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		_, err := c.run(starting, check.Test[1:]...)
		if err == nil {
			close(m.healthy)
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("%s has ended: %w\n%s", c.service.Name, errors.Join(err), c.said())
		case <-starting.Done():
			return fmt.Errorf("%w\n%s", err, c.said())
		case <-pause.C:
		}
	}
}

// container makes the container of a service, or gives the one that was made.
func (e *engine) container(s types.ServiceConfig) (*container, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.containers[s.Name]; c != nil {
		return c, nil
	}
	image := e.images[s.Image]
	if image == nil {
		return nil, fmt.Errorf("there is no image %s", s.Image)
	}
	c, err := newContainer(e.dir, s, image, e.hosts())
	if err == nil {
		e.containers[s.Name] = c
	}
	return c, err
}

// hosts is /etc/hosts of every container: each service is on the one machine.
func (e *engine) hosts() []byte {
	names := append([]string{"localhost"}, e.project.ServiceNames()...)
	slices.Sort(names)
	return []byte("127.0.0.1 " + strings.Join(names, " ") + "\n")
}

// cli runs a command of a person, as docker compose run --rm cli does.
func (e *engine) cli(ctx context.Context, args ...string) string {
	e.t.Helper()
	s, err := e.project.GetService("cli")
	if err != nil {
		s = e.project.DisabledServices["cli"]
	}
	c, err := e.container(s)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	out, err := c.run(ctx, append(slices.Clone(c.image.entrypoint), args...)...)
	if err != nil {
		e.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// newEngine prepares the folders of an engine.
func newEngine(t *testing.T, dir string, project *types.Project) *engine {
	t.Helper()
	for _, folder := range []string{"root", "volume"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &engine{
		t: t, dir: dir, project: project,
		images: map[string]*rootfs{}, standIns: map[string]func(context.Context) error{}, containers: map[string]*container{},
	}
}
