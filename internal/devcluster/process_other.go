//go:build !linux

package devcluster

import "syscall"

const terminate = syscall.SIGTERM

// childAttributes can't ask for a parent-death signal here: only Linux has it,
// so a SIGKILL of this process leaves the children running on other systems.
func childAttributes(as *Account) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: as.Credential()}
}
