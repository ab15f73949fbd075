package devservices

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// serviceAccount is who runs a server that refuses to run as root: nil, which is this
// process' own account, unless that is root.
func serviceAccount() (*devcluster.Account, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other account is asked for
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &devcluster.Account{UID: uint32(uid), GID: uint32(gid)}, nil
	}
	return nil, errors.New("run Postgres: it refuses to run as root, and there is neither a user postgres nor a user nobody: make one, or run this as another user")
}

// give makes a folder that only the account can look into.
func give(dir string, to *devcluster.Account) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder for a service: %w", err)
	}
	if to == nil {
		return nil
	}
	if blocked := unreachable(dir, to); blocked != "" {
		return fmt.Errorf("%s: user %d, who is to run a service there, can't enter %s: choose another folder, or allow it with `chmod o+x %s`",
			dir, to.UID, blocked, blocked)
	}
	if err := os.Chown(dir, int(to.UID), int(to.GID)); err != nil {
		return fmt.Errorf("give a folder to the account of a service: %w", err)
	}
	return nil
}

// unreachable is a folder above dir that the account may not enter; empty when there is none.
func unreachable(dir string, account *devcluster.Account) string {
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent) //nolint:gosec // whoever sets the environment chooses where the cache is
		if err != nil {
			return parent
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		mine := ok && stat.Uid == account.UID && info.Mode()&0o100 != 0
		ours := ok && stat.Gid == account.GID && info.Mode()&0o010 != 0
		if !mine && !ours && info.Mode()&0o001 == 0 {
			return parent
		}
		if parent == filepath.Dir(parent) {
			return ""
		}
	}
}

// elsewhere keeps the data of services whose own folder their account can't reach.
const elsewhere = "/var/lib"

// ReachableDir gives the folder for the data of a service: dir itself where the account that
// the service runs as can get there. Where it can't, because root runs this in a folder that
// is closed to others, it is a folder under /var/lib that a link at dir leads to.
func ReachableDir(dir string) (string, error) {
	account, err := serviceAccount()
	if err != nil {
		return "", err
	}
	if target, err := os.Readlink(dir); err == nil {
		return target, nil
	}
	if account == nil || unreachable(dir, account) == "" {
		return dir, nil
	}
	target, err := os.MkdirTemp(elsewhere, "orderplane-")
	if err != nil {
		return "", fmt.Errorf("find a folder that the account of a service can reach: %w", err)
	}
	if err := os.Symlink(target, dir); err != nil {
		return "", fmt.Errorf("find a folder that the account of a service can reach: %w", err)
	}
	return target, nil
}
