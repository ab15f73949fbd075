package devcluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNextDelayDoublesAndForgets(t *testing.T) {
	tests := map[string]struct {
		last, ran, want time.Duration
	}{
		"first end":               {0, time.Second, firstDelay},
		"soon again":              {firstDelay, time.Second, 2 * firstDelay},
		"never above the last":    {8 * time.Second, time.Second, lastDelay},
		"at the last":             {lastDelay, time.Second, lastDelay},
		"forgotten after a while": {lastDelay, stableRun, firstDelay},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := nextDelay(tt.last, tt.ran); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// shell is a component that runs a command line.
func shell(t *testing.T, commands string, ready func(context.Context) error) *Component {
	t.Helper()
	return &Component{
		name: "shell", path: "/bin/sh", logFile: filepath.Join(t.TempDir(), "log"), timeout: 10 * time.Second,
		args: func() []string { return []string{"-c", commands} }, ready: ready,
	}
}

// hearing collects what is said.
func hearing() (say func(string, ...any), heard chan string) {
	heard = make(chan string, 16)
	return func(format string, args ...any) { heard <- fmt.Sprintf(format, args...) }, heard
}

func TestASupervisedComponentComesBackUntilItIsStopped(t *testing.T) {
	say, heard := hearing()
	c := shell(t, "exec sleep 600", func(context.Context) error { return nil })
	s, err := Supervise(t.Context(), c, say)
	if err != nil {
		t.Fatal(err)
	}
	first := c.Process()
	if err := c.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"shell ended (signal: killed), starting it again in 200ms", "shell is back"} {
		if got := <-heard; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	second := c.Process()
	if second == first {
		t.Fatal("it runs the process that was killed")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-second.Exited():
	default:
		t.Error("its process is there after Stop")
	}
	if c.Process() != nil || c.Signal(syscall.SIGCONT) == nil {
		t.Error("a stopped component has a process")
	}
}

func TestAComponentThatCantStartIsGivenUp(t *testing.T) {
	say, heard := hearing()
	c := shell(t, "exit 3", func(context.Context) error { return errors.New("not ready") })
	_, err := Supervise(t.Context(), c, say)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), c.logFile) {
		t.Errorf("got %v, want how it ended and where its log is", err)
	}
	if len(heard) != startTries-1 {
		t.Errorf("it was started again %d times, want %d", len(heard), startTries-1)
	}
}

func TestAComponentThatIsNeverReadyIsStopped(t *testing.T) {
	c := shell(t, "exec sleep 600", func(context.Context) error { return errors.New("not the leader yet") })
	c.timeout = 2 * pollInterval
	say, heard := hearing()
	_, err := Supervise(t.Context(), c, say)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not the leader yet") {
		t.Errorf("got %v, want the last answer", err)
	}
	if c.Process() != nil || len(heard) != 0 {
		t.Errorf("it goes on running, or it was tried again: %d messages", len(heard))
	}
}
