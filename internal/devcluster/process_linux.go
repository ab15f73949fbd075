package devcluster

import "syscall"

const terminate = syscall.SIGTERM

func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
