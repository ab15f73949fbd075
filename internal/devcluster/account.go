package devcluster

import "syscall"

// Account is a user of this machine with its group.
type Account struct{ UID, GID uint32 }

// Credential is how the kernel is told to run a child as this account; nil for nil, which
// is this process' own.
func (as *Account) Credential() *syscall.Credential {
	if as == nil {
		return nil
	}
	return &syscall.Credential{Uid: as.UID, Gid: as.GID}
}
