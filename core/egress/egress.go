// Package egress decides which addresses a request may go to that somebody else
// than the operator chose: a WASM guest, a payload. It imports nothing of
// Backflow and knows neither HTTP nor config.
//
// The decision is made for the address that is connected to, after the name was
// resolved, so that no name and no redirect leads around it.
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

// ErrForbidden is the error of a connection that was not made because of its
// address. It does not name the address: what a name resolves to inside is
// nothing that a caller outside should learn.
var ErrForbidden = errors.New("the host has an address that is not public: loopback, private, link-local, metadata or reserved")

// notPublic are the ranges that netip.Addr has no method for: those of the IANA
// special-purpose address registries that are not globally reachable.
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

// global is what of IPv6 is given out for use on the Internet (RFC 4291). Mapped
// and translated IPv4 addresses (64:ff9b::/96) are outside.
var global = netip.MustParsePrefix("2000::/3")

func parse(ranges ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(ranges))
	for i, text := range ranges {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// Public reports whether an address is one of the Internet. Metadata services of
// clouds live on link-local and private addresses, which are not.
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

// Dialer answers a dialer that connects to addresses that allowed accepts and
// answers ErrForbidden for all others. It is safe for concurrent use.
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
