//go:build linux

// Package e2e uses Orderplane as a stranger would: the real binary, its local
// stack, REST and kubectl.
package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/api/v1alpha1"
	"github.com/orderplane/orderplane/internal/devcluster"
)

// readyWithin is generous: other tests may be using the machine.
const readyWithin = 2 * time.Minute

// buildBinary builds the product as `make build` does, out of the same build cache.
func buildBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "orderplane")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/orderplane")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// stack is a running `orderplane local`.
type stack struct {
	t      *testing.T
	dir    string
	binary string
	cmd    *exec.Cmd
	exited chan error
	lines  chan string
	// env is what `.local/env` exports.
	env map[string]string
}

// startStack runs the stack on a folder and waits for its ready line.
func startStack(t *testing.T, binary, dir string) *stack {
	t.Helper()
	assets, err := devcluster.FindAssets()
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, dir: dir, binary: binary, exited: make(chan error, 1), lines: make(chan string, 256)}
	s.cmd = exec.Command(binary, append([]string{"local", "--dir", dir}, freePorts()...)...)
	s.cmd.Env = append(os.Environ(), devcluster.AssetsEnv+"="+assets, "RATE_LIMIT_PER_MINUTE=0")
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read(bufio.NewScanner(out))
	t.Cleanup(func() { s.cmd.Process.Kill() }) //nolint:errcheck // it may be gone already
	s.waitLine("Orderplane is ready.")
	s.readEnv()
	return s
}

// freePorts has every role listen on a port nobody else uses.
func freePorts() []string {
	return []string{"--gateway-port=0", "--manager-port=0", "--inventory-port=0", "--manager-metrics-port=0", "--webhook-port=0", "--mirror-port=0", "--notifier-port=0"}
}

func (s *stack) read(out *bufio.Scanner) {
	for out.Scan() {
		s.lines <- out.Text()
	}
	close(s.lines)
	s.exited <- s.cmd.Wait()
}

// waitLine returns when the stack has printed a line that contains part.
func (s *stack) waitLine(part string) {
	s.t.Helper()
	deadline := time.After(readyWithin)
	var seen []string
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				s.t.Fatalf("the stack ended before it said %q:\n%s", part, strings.Join(seen, "\n"))
			}
			if strings.Contains(line, part) {
				return
			}
			seen = append(seen, line)
		case <-deadline:
			s.t.Fatalf("the stack does not say %q:\n%s", part, strings.Join(seen, "\n"))
		}
	}
}

func (s *stack) readEnv() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "env"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.env = map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`).FindAllStringSubmatch(string(text), -1) {
		s.env[match[1]] = match[2]
	}
}

// interrupt is a Ctrl-C; it returns how the stack ended.
func (s *stack) interrupt() error {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for open := true; open; { // read on, so that the stack is not held up
			_, open = <-s.lines
		}
	}()
	select {
	case err := <-s.exited:
		return err
	case <-time.After(30 * time.Second):
		s.t.Fatal("the stack does not stop")
		return nil
	}
}

// children are the processes the stack started, by what they are.
func (s *stack) children() map[string]int {
	s.t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		s.t.Fatal(err)
	}
	found := map[string]int{}
	for _, stat := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err != nil || parentOf(stat) != s.cmd.Process.Pid {
			continue
		}
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue
		}
		args := strings.Split(string(cmdline), "\x00")
		name := filepath.Base(args[0])
		if name == filepath.Base(s.binary) && len(args) > 1 {
			name = args[1]
		}
		found[name] = pid
	}
	return found
}

// parentOf reads the parent's pid: the second field after the name in brackets.
func parentOf(stat string) int {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// kubectl runs the kubectl of the stack with its kubeconfig, and gives its output.
func (s *stack) kubectl(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.env["KUBECTL"], args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.env["KUBECONFIG"])
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// client reads and writes custom resources as the stack's administrator.
func (s *stack) client() client.Client {
	s.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", s.env["KUBECONFIG"])
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.QPS = -1
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		s.t.Fatal(err)
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// eventually asks until the answer is "" or time is up; then the last answer is the complaint.
func eventually(t *testing.T, within time.Duration, complaint func(context.Context) string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	last := "it never answered"
	for {
		now := complaint(ctx)
		if now == "" {
			return
		}
		if ctx.Err() == nil {
			last = now
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s: %s", within, last)
		case <-tick.C:
		}
	}
}
