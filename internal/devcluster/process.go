package devcluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// stopGrace is how long a child may take to end after SIGTERM.
const stopGrace = 10 * time.Second

// Process is a child process that can't outlive this one.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stop   os.Signal
	exited chan struct{}
	err    error // set before exited is closed
}

// Command says what to start.
type Command struct {
	// Path of the executable, its arguments without the name.
	Path string
	Args []string
	// Env and Dir, the working directory, are this process' own when empty.
	Env []string
	Dir string
	// Log receives standard output and standard error.
	Log io.Writer
	// RunAs is the account of the process; this process' own when nil. Only root can choose another.
	RunAs *Account
	// StopSignal asks the process to end; SIGTERM when nil.
	StopSignal os.Signal
}

// StartProcess starts a child in a process group of its own, so that a Ctrl-C
// meant for this process does not reach it first.
func StartProcess(name string, c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx // the process outlives the call that starts it; Stop ends it
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdout, cmd.Stderr = c.Log, c.Log
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = childAttributes(c.RunAs)
	p := &Process{name: name, cmd: cmd, stop: c.StopSignal, exited: make(chan struct{})}
	if p.stop == nil {
		p.stop = terminate
	}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// run starts and awaits the child on one locked thread: the kernel delivers the
// parent-death signal when the *thread* that forked ends, not the process.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	if p.err = p.cmd.Wait(); p.err == nil {
		p.err = errors.New("exit status 0")
	}
	close(p.exited)
}

// PID of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err is how the process ended; nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.exited:
		return p.err
	default:
		return nil
	}
}

// Signal sends a signal, such as SIGSTOP, SIGCONT or SIGKILL.
func (p *Process) Signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// Stop ends the process: its stop signal, and SIGKILL when that is not heard in ten
// seconds. It returns once the process is gone.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(p.stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-p.exited:
		return nil
	case <-grace.C:
	}
	return p.Kill()
}

// Kill ends the process as a crash does, without warning. It returns once the process is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}
