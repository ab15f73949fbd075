package local

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lock keeps a second stack out of the same folder. The kernel drops it when
// this process ends, however it ends.
type lock struct{ file *os.File }

func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close() //nolint:errcheck // nothing was written
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		holder, _ := os.ReadFile(path)
		return nil, fmt.Errorf("a stack is already running on %s, as process %s: stop it with Ctrl-C or `kill %[2]s`, or run this one on another folder (--dir) and other ports",
			strings.TrimSuffix(path, "/lock"), strings.TrimSpace(string(holder)))
	}
	if err := file.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("write lock: %w", err), file.Close())
	}
	if _, err := fmt.Fprintln(file, os.Getpid()); err != nil {
		return nil, errors.Join(fmt.Errorf("write lock: %w", err), file.Close())
	}
	return &lock{file: file}, nil
}

func (l *lock) release() error { return l.file.Close() }
