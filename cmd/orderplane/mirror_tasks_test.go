package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// runMirrorWith gives the command arguments. There is no cluster to be found.
func runMirrorWith(t *testing.T, args ...string) error {
	t.Helper()
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	cmd := newMirrorCommand()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	return cmd.ExecuteContext(t.Context())
}

func TestOneTaskOfTheMirrorAtATime(t *testing.T) {
	err := runMirrorWith(t, "--replay", "order.created", "--uninstall")
	if err == nil || !strings.Contains(err.Error(), "replay uninstall") {
		t.Errorf("both are taken: %v", err)
	}
}

func TestATaskOfTheMirrorIsDoneInPlaceOfMirroring(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none") // so that a task fails at once
	mirrors := errors.New("mirrors")
	for _, args := range [][]string{{"--uninstall"}, {"--check"}, {"--rebuild"}, {"--replay", "order.created"}, {}} {
		var o mirrorOptions
		cmd := &cobra.Command{SilenceUsage: true, SilenceErrors: true, RunE: func(*cobra.Command, []string) error { return mirrors }}
		o.register(cmd.Flags())
		addMirrorTasks(cmd, &o)
		cmd.SetArgs(args)
		err := cmd.ExecuteContext(t.Context())
		if err == nil || errors.Is(err, mirrors) != (len(args) == 0) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestExitCodes(t *testing.T) {
	if code := exitCodeOf(fmt.Errorf("check: %w", &exitError{code: exitDiffers, why: "2 things"})); code != exitDiffers {
		t.Errorf("a check that found differences ends with %d", code)
	}
	if code := exitCodeOf(errors.New("no cluster")); code != 1 {
		t.Errorf("any other failure ends with %d", code)
	}
}
