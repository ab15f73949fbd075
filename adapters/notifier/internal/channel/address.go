package channel

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
)

// errPrivate says that a name led into a network that is not the public one.
var errPrivate = errors.New("the address is of this machine or a private network: allow it by PUSH_ALLOW_PRIVATE=true if it is meant")

// publicOnly refuses connections into private networks. It runs at each dial with the address that the
// name was resolved to, so a name that changes its address is no way around it.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(to.Addr()) {
		return errPrivate
	}
	return nil
}

// isPublic says whether an address is of the public network: none of the blocks that IANA's registries of
// special-purpose addresses take out of it.
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, special := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		// These carry an IPv4 address, or lead nowhere that is public.
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		if netip.MustParsePrefix(special).Contains(a) {
			return false
		}
	}
	return true
}
