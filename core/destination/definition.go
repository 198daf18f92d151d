package destination

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/pointer"
)

// Defaults of a Definition.
const (
	DefaultConcurrency = 4
	DefaultTimeout     = 20 * time.Second
)

// Definition is a destination as a config declares it. Secrets, Keys, Headers and URL
// may hold secrets.
type Definition struct {
	// Name is unique among the destinations.
	Name string
	URL  string
	// Shown is the URL as it is shown to people, without secrets.
	Shown string
	// Secrets and Keys sign, all of them; there is at least one.
	Secrets, Keys []string
	// Types are the patterns of the types that it wants of what is published; nil wants
	// all. "*" stands for any run of characters.
	Types []string
	// Headers are sent with every message.
	Headers map[string]string
	// Timeout bounds an attempt; zero is DefaultTimeout.
	Timeout time.Duration
	// Order renders to the key of a message, over OrderRoots; nil has no order.
	Order *template.Template
}

// OrderRoots are the roots of the template that says in which order messages are sent: what the message
// was made of, and the whole of what is sent.
var OrderRoots = []string{"type", "data", "payload"}

// Destination is a checked definition. It is immutable and safe for concurrent use.
type Destination struct {
	name, shown string
	url         *url.URL
	signer      signer
	types       []string
	header      http.Header
	timeout     time.Duration
	order       *template.Template
	secrets     []string // all that must not be shown
}

// reserved are headers that say what a message is, how it is framed and where it goes.
var reserved = []string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Trailer", "Connection", "Keep-Alive",
	"Proxy-Connection", "Proxy-Authorization", "Te", "Upgrade", "Expect", "Accept-Encoding", "Content-Encoding"}

// reservedPrefix is that of the headers of Standard Webhooks.
const reservedPrefix = "Webhook-"

// NewDestination checks a definition. The error is template.Faults with everything that is wrong
// with it, with pointers into the destination as a config has it. They quote no secret.
func NewDestination(d Definition, policy egress.Policy) (*Destination, error) {
	var faults template.Faults
	fault := func(at, hint, format string, args ...any) {
		faults = append(faults, template.Fault{Pointer: at, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	made := &Destination{name: d.Name, shown: d.Shown, types: d.Types, timeout: d.Timeout, order: d.Order, header: http.Header{}}
	if made.timeout == 0 {
		made.timeout = DefaultTimeout
	}
	made.secrets = slices.Concat(d.Secrets, d.Keys, slices.Collect(maps.Values(d.Headers)))
	u, err := url.Parse(d.URL)
	if err != nil {
		fault("/url", `as in "https://example.com/webhooks"`, "not a URL")
	} else if err := policy.CheckURL(u); err != nil {
		fault("/url", hintOfURL(d, u, err), "%v", err)
	}
	made.url = u
	for i, text := range d.Secrets {
		secret, err := parseSecret(text)
		if err != nil {
			fault(indexed("/secret", len(d.Secrets), i), "openssl rand -base64 32 makes one, behind whsec_", "%v", err)
		}
		made.signer.secrets = append(made.signer.secrets, secret)
	}
	for i, text := range d.Keys {
		key, err := parseKey(text)
		if err != nil {
			fault(indexed("/key", len(d.Keys), i), "openssl rand -base64 32 makes one, behind whsk_", "%v", err)
		}
		made.signer.keys = append(made.signer.keys, key)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		key, at := http.CanonicalHeaderKey(name), pointer.Join("/headers", name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			fault(at, "letters, digits and hyphens, as in X-Api-Key", "%q is not the name of a header", name)
		case slices.Contains(reserved, key) || strings.HasPrefix(key, reservedPrefix):
			fault(at, "leave it out", "the header %s is set by the gateway alone", key)
		case made.header.Get(key) != "":
			fault(at, "", "the header %s is given twice", key)
		}
		made.header.Set(key, d.Headers[name])
	}
	for i, pattern := range d.Types {
		if pattern == "" || len(pattern) > maxTypeLen {
			fault(fmt.Sprintf("/types/%d", i), `as in "order.*"`, "a pattern has 1 to %d characters", maxTypeLen)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return made, nil
}

// hintOfURL says what to do about a URL that a policy does not allow.
func hintOfURL(d Definition, u *url.URL, err error) string {
	host := "127.0.0.1"
	if d.Shown == d.URL && u.Hostname() != "" { // else it may be secret
		host = u.Hostname()
	}
	switch allow := fmt.Sprintf(`name it: "egress": { "allow": [%q] }`, host); {
	case errors.Is(err, egress.ErrNotAllowed):
		return allow
	case errors.Is(err, egress.ErrPlainHTTP):
		return "https, or " + allow
	default:
		return `as in "https://example.com/webhooks"`
	}
}

// indexed is the pointer of a value that is given alone, or in a list of the plural
// name.
func indexed(at string, n, i int) string {
	if n == 1 {
		return at
	}
	return fmt.Sprintf("%ss/%d", at, i)
}

// Weak returns the positions of the secrets whose size is not what Standard Webhooks
// recommends.
func (d *Destination) Weak() []int {
	var weak []int
	for i, secret := range d.signer.secrets {
		if len(secret) < minSecretBytes || len(secret) > maxSecretBytes {
			weak = append(weak, i)
		}
	}
	return weak
}

// Name is the destination's name.
func (d *Destination) Name() string { return d.name }

// PublicKeys are those of its ed25519 keys.
func (d *Destination) PublicKeys() []PublicKey {
	keys := make([]PublicKey, len(d.signer.keys))
	for i, key := range d.signer.keys {
		keys[i] = publicKeyOf(key)
	}
	return keys
}

// wants reports whether a message of a type that is published is for the destination.
func (d *Destination) wants(messageType string) bool {
	return d.types == nil || slices.ContainsFunc(d.types, func(pattern string) bool { return event.MatchesType(pattern, messageType) })
}
