package devcluster

import "syscall"

const terminate = syscall.SIGTERM

func childAttributes(as *Account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: as.Credential()}
}
