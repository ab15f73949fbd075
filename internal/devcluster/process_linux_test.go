package devcluster_test

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderplane/orderplane/internal/devcluster"
)

const orphanEnv = "CONTROLPLANE_TEST_PARENT"

// TestNoOrphans kills a parent without warning and sees its child go with it.
func TestNoOrphans(t *testing.T) {
	if os.Getenv(orphanEnv) != "" {
		parentThatHangs(t)
		return
	}
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoOrphans$")
	parent.Env = append(os.Environ(), orphanEnv+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !gone(child) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("process %d outlived its parent", child)
		}
	}
}

func parentThatHangs(t *testing.T) {
	p, err := devcluster.StartProcess("sleep", devcluster.Command{Path: "/bin/sleep", Args: []string{"600"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(p.PID()) + "\n")
	<-p.Exited()
}

// gone is true for a process that ended, also when nobody has reaped it yet.
func gone(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
