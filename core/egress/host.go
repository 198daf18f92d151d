package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Host is one destination of requests: scheme, name and port, which must all match.
// The zero Host matches nothing.
type Host struct {
	scheme, name, port string
}

// localhost is the one name that allows an address that is not public.
const localhost = "localhost"

// ParseHost reads an entry such as "api.acme.com" or "api.acme.com:8443", which
// mean HTTPS, or "http://10.0.0.7:8080", which means plain HTTP. There are no
// wildcards: a name matches itself.
func ParseHost(text string) (Host, error) {
	scheme, rest := "https", text
	if before, after, ok := strings.Cut(text, "://"); ok {
		scheme, rest = strings.ToLower(before), after
	}
	if scheme != "https" && scheme != "http" {
		return Host{}, fmt.Errorf("the scheme %q is neither https nor http", scheme)
	}
	if rest == "" || strings.ContainsAny(rest, "/?#@\\ *%") {
		return Host{}, errors.New("a host is a name or an address and perhaps a port, such as api.acme.com or api.acme.com:8443")
	}
	// In a URL, an IPv6 address is in brackets.
	if address, err := netip.ParseAddr(rest); err == nil && address.Is6() {
		rest = "[" + rest + "]"
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil {
		return Host{}, errors.New("it is no host")
	}
	h, ok := hostOf(u)
	if !ok {
		return Host{}, errors.New("it is no host with a port from 1 to 65535")
	}
	return h, nil
}

// hostOf returns the Host of a URL.
func hostOf(u *url.URL) (Host, bool) {
	h := Host{scheme: strings.ToLower(u.Scheme), name: strings.ToLower(u.Hostname()), port: u.Port()}
	if strings.HasSuffix(u.Host, ":") || h.name == "" {
		return Host{}, false
	}
	// A dot at the end of a name makes no other name.
	h.name = strings.TrimSuffix(h.name, ".")
	if address, err := netip.ParseAddr(h.name); err == nil {
		h.name = address.Unmap().String()
	}
	switch {
	case h.port != "":
		if n, err := strconv.ParseUint(h.port, 10, 16); err != nil || n == 0 || h.port[0] == '0' {
			return Host{}, false
		}
	case h.scheme == "https":
		h.port = "443"
	case h.scheme == "http":
		h.port = "80"
	}
	return h, true
}

// Matches reports whether a URL leads to the host.
func (h Host) Matches(u *url.URL) bool {
	other, ok := hostOf(u)
	return ok && h.name != "" && h == other
}

// Allows reports whether a connection to the host may go to an address: to a public
// one always, to another only if the entry is that address itself, or is localhost and
// the address is loopback. So the owner of a name cannot lead a request into the
// network.
func (h Host) Allows(address netip.Addr) bool {
	if Public(address) {
		return true
	}
	if h.name == localhost {
		return address.Unmap().IsLoopback()
	}
	named, err := netip.ParseAddr(h.name)
	return err == nil && named.Unmap() == address.Unmap()
}
