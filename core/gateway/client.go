package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress is the address of the client, for logs and shares alone. X-Forwarded-For
// is read from its end, where the nearest proxy wrote, as long as the address
// before is that of a trusted proxy: what a client wrote itself is not believed.
func clientAddress(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	address := peer.Addr().Unmap()
	if !isTrusted(address, trusted) {
		return address.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(address, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop.Unmap()
	}
	return address.String()
}

// addressGroup returns whom an address belongs to: an IPv4 address one client, an
// IPv6 address the /64 that a client has for itself (RFC 6177).
func addressGroup(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Is4() {
		return address
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}

func isTrusted(address netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
