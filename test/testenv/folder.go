package testenv

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// throwawayFolder is removed once this process has ended, however it ends. A shell does it:
// it hears of the end by a pipe that closes then, gives the servers that the kernel kills at
// the same time a moment, and removes what they have left.
type throwawayFolder struct {
	dir string
	// alive is the pipe. Whoever forgets the folder closes it.
	alive io.Closer
}

func newThrowawayFolder() (*throwawayFolder, error) {
	dir, err := os.MkdirTemp("", "orderplane-services-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for services: %w", err)
	}
	f := &throwawayFolder{dir: dir}
	if err := f.watch(); err != nil {
		return nil, errors.Join(fmt.Errorf("watch over a folder for services: %w", err), os.RemoveAll(dir))
	}
	return f, nil
}

func (f *throwawayFolder) watch() error {
	if err := os.Chmod(f.dir, 0o711); err != nil { // a server runs there under another account
		return err
	}
	const script = `read -r _; for _ in 1 2 3 4 5; do sleep 1; rm -rf -- "$1" 2>/dev/null && exit; done`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", f.dir) //nolint:noctx // it has to outlive this process
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}     // a Ctrl-C is for the tests
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	f.alive = pipe
	return cmd.Start()
}

func (f *throwawayFolder) path(elem ...string) string {
	return filepath.Join(append([]string{f.dir}, elem...)...)
}
