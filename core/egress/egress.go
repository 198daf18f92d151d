// Package egress decides to which addresses a request may go whose URL the
// operator did not choose: that of a WASM guest or of a destination, or one from a
// payload. The package imports nothing of the project.
//
// It decides about the address of the connection, after the name was resolved, so
// that no name and no redirect leads around it.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrForbidden is the error of a connection that was not made because of its address.
// It does not name the address: callers must not learn what a name resolves to inside
// the network.
var ErrForbidden = errors.New("the host has an address that is not public: loopback, private, link-local, metadata or reserved")

// notPublic are the ranges of the IANA special-purpose address registries that are not
// globally reachable and that netip.Addr has no method for.
var notPublic = parse(
	"0.0.0.0/8",       // RFC 791, this network
	"100.64.0.0/10",   // RFC 6598, shared by carriers, and metadata of some clouds
	"192.0.0.0/24",    // RFC 6890
	"192.0.2.0/24",    // RFC 5737, documentation
	"198.18.0.0/15",   // RFC 2544, benchmarks
	"198.51.100.0/24", // RFC 5737
	"203.0.113.0/24",  // RFC 5737
	"240.0.0.0/4",     // RFC 1112, and broadcast
	"2001::/23",       // RFC 2928, Teredo and others
	"2001:db8::/32",   // RFC 3849, documentation
	"2002::/16",       // RFC 3056, 6to4: leads to any IPv4 address
	"3fff::/20",       // RFC 9637, documentation
)

// global is the part of IPv6 that is assigned for use on the Internet (RFC 4291).
// Mapped and translated IPv4 addresses (64:ff9b::/96) are outside.
var global = netip.MustParsePrefix("2000::/3")

func parse(ranges ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(ranges))
	for i, text := range ranges {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// Public reports whether an address is on the Internet. Metadata services of clouds
// have link-local and private addresses, which are not.
func Public(address netip.Addr) bool {
	address = address.Unmap()
	if !address.IsValid() || address.IsPrivate() || address.IsLoopback() || address.IsUnspecified() ||
		address.IsLinkLocalUnicast() || address.IsMulticast() {
		return false
	}
	if address.Is6() && !global.Contains(address) {
		return false
	}
	for _, prefix := range notPublic {
		if prefix.Contains(address.WithZone("")) {
			return false
		}
	}
	return true
}

// dialTimeout bounds one attempt to connect.
const dialTimeout = 10 * time.Second

// Dialer returns a dialer that connects only to addresses that allowed accepts. For
// all others its error is ErrForbidden. It is safe for concurrent use.
func Dialer(allowed func(netip.Addr) bool) *net.Dialer {
	return &net.Dialer{
		Timeout: dialTimeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrForbidden, err)
			}
			if !allowed(target.Addr().Unmap()) {
				return ErrForbidden
			}
			return nil
		},
	}
}
