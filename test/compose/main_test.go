//go:build linux

package compose_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// insideVariable is set in the process that has a network and mounts of its own, to a folder that goes when it ends.
const insideVariable = "ORDERPLANE_COMPOSE_DIR"

// errNoNamespaces is why containers can't be run here.
var errNoNamespaces = errors.New("this user may not make a network and mounts of its own; root may")

// TestMain runs the tests in a network, with mounts and with process numbers of their own. So the services use the ports that
// compose.yaml has, whoever else uses them on this machine, and nothing is left behind when the tests end.
func TestMain(m *testing.M) {
	if os.Getenv(insideVariable) != "" {
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	os.Exit(moveInside(m))
}

// moveInside runs the tests once more in a process of its own, and gives its exit code.
func moveInside(m *testing.M) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "orderplane-compose-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // it is a temporary folder
	if err := os.Chmod(dir, 0o711); err != nil { // the account of Postgres passes through
		return fail(err)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), insideVariable+"="+dir)
	// The first process of those numbers takes all others with it, and goes with this one.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL,
	}
	runtime.LockOSThread() // the kernel looks at the thread that began it
	var ended *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &ended):
		return 1
	case errors.Is(err, syscall.EPERM): // what only reads the file can run all the same
		return m.Run()
	case err != nil:
		return fail(err)
	}
	return 0
}

// inside gives the folder of the process that has a network and mounts of its own. A test is left out where there is none.
func inside(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(insideVariable)
	if dir == "" {
		t.Skipf("left out: %v", errNoNamespaces) // also in CI: a right can't be installed
	}
	return dir
}

// settle keeps what is mounted here from the rest of the machine, and brings up the loopback interface.
func settle() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	defer unix.Close(socket) //nolint:errcheck // it was only asked
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	loopback.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback); err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	if _, err := net.InterfaceByName("lo"); err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	return nil
}
