package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrNotAllowed is the error of a connection that a Policy does not allow. Like
// ErrForbidden it does not name the address; it names the setting that would allow it.
var ErrNotAllowed = errors.New("the host has an address that is not public (loopback, private, link-local, metadata or reserved), and egress.allow does not name it")

// ErrPlainHTTP is the error of an http URL whose host no rule names.
var ErrPlainHTTP = errors.New("plain http is for hosts that egress.allow names, and it does not name this one")

// Rule is one entry of egress.allow: a range of addresses, one address, or the name of
// a host.
type Rule struct {
	prefix netip.Prefix // of addresses; invalid for a name
	host   string       // in lower case
}

// hostName is a name as DNS has it (RFC 1123, section 2.1), and with "_", which some
// networks have in theirs.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$`)

// ParseRule reads an entry such as "10.1.0.0/16", "127.0.0.1" or "crm.internal". There
// are no wildcards, and neither scheme nor port.
func ParseRule(text string) (Rule, error) {
	if address, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return Rule{prefix: netip.PrefixFrom(address, address.BitLen())}, nil
	}
	if prefix, err := netip.ParsePrefix(text); err == nil {
		if prefix.Addr().Is4In6() {
			return Rule{}, errors.New("a range of IPv4 addresses is written as such, such as 10.1.0.0/16")
		}
		return Rule{prefix: prefix.Masked()}, nil
	}
	name := strings.TrimSuffix(strings.ToLower(text), ".")
	if !hostName.MatchString(name) || strings.Contains(name, "..") || endsInNumber(name) {
		return Rule{}, errors.New("an entry is a range such as 10.1.0.0/16, an address such as 127.0.0.1, or the name of a host such as crm.internal")
	}
	return Rule{host: name}, nil
}

// endsInNumber reports whether the last label of a name is a number: then it is no name,
// but an address in another spelling, which resolvers read in their own ways (WHATWG
// URL, section 3.5).
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last != "" && strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")
}

// metadata are addresses of metadata services of clouds that are not link-local.
var metadata = parse(
	"100.100.100.200/32", // Alibaba Cloud, https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
	"fd00:ec2::254/128",  // AWS, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
	"fd20:ce::254/128",   // Google Cloud, https://cloud.google.com/compute/docs/metadata/querying-metadata
)

// Policy decides where requests may go whose URL data or a customer chose: to public
// addresses by HTTPS, and to what its rules name. The zero Policy names nothing. It is
// immutable and safe for concurrent use.
type Policy struct{ rules []Rule }

// NewPolicy returns the policy of some rules.
func NewPolicy(rules ...Rule) Policy { return Policy{slices.Clone(rules)} }

// names reports whether a rule names a host: by its name, or by its address where that
// stands in place of one.
func (p Policy) names(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	address, err := netip.ParseAddr(host)
	return slices.ContainsFunc(p.rules, func(r Rule) bool {
		if err == nil {
			return r.prefix.IsValid() && r.prefix.Contains(address.Unmap().WithZone(""))
		}
		return r.host != "" && r.host == host
	})
}

// Allows reports whether a connection to a host may go to an address: to a public one
// always; to another where a range or an address of the rules covers it, or where they
// name the host. A name leads neither to link-local addresses nor to metadata
// services: these are named by their address alone.
func (p Policy) Allows(host string, address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if Public(address) || p.names(address.String()) {
		return true
	}
	if slices.ContainsFunc(metadata, func(service netip.Prefix) bool { return service.Contains(address) }) {
		return false
	}
	return p.names(host) && address.IsValid() && !address.IsUnspecified() && !address.IsMulticast() && !address.IsLinkLocalUnicast()
}

// CheckURL returns what is wrong with a URL as far as that shows before a name is
// resolved: it is no https URL, and not an http URL whose host the rules name; it holds
// a user or a fragment; or its host is an address that is not allowed.
func (p Policy) CheckURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || host == "" || u.Opaque != "":
		return errors.New("it is no https URL")
	case u.User != nil:
		return errors.New("it holds a user: put credentials into a header")
	case u.Fragment != "":
		return errors.New("it has a fragment, which is never sent")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("its port is empty")
	case u.Port() != "" && !isPort(u.Port()):
		return errors.New("its port is not a number from 1 to 65535")
	case u.Scheme == "http" && !p.names(host):
		return ErrPlainHTTP
	}
	address, err := netip.ParseAddr(host)
	if err == nil && !p.Allows(host, address) {
		return ErrNotAllowed
	}
	if err != nil && endsInNumber(strings.TrimSuffix(strings.ToLower(host), ".")) {
		return errors.New("its host is no name, and no address in the usual form, such as 203.0.113.7")
	}
	if name := strings.TrimSuffix(strings.ToLower(host), "."); (name == localhost || strings.HasSuffix(name, "."+localhost)) && !p.names(host) && !p.namesLoopback() {
		return ErrNotAllowed // RFC 6761, section 6.3: it is loopback everywhere
	}
	return nil
}

// isPort reports whether a text is the number of a port.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// namesLoopback reports whether a rule covers a loopback address.
func (p Policy) namesLoopback() bool {
	return p.names("127.0.0.1") || p.names("::1")
}

// Dial returns the DialContext of a transport that connects only where the policy
// allows it. It decides about the address that a name was resolved to, just before the
// connection is made: no answer of DNS leads around it. Resolver is nil but in tests.
// The error is ErrNotAllowed.
func (p Policy) Dial(resolver *net.Resolver) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		dialer := Dialer(func(a netip.Addr) bool { return p.Allows(host, a) })
		dialer.Resolver = resolver
		conn, err := dialer.DialContext(ctx, network, address)
		if errors.Is(err, ErrForbidden) {
			// The error of the dialer names the address.
			return nil, ErrNotAllowed
		}
		return conn, err
	}
}
