package redis

import (
	"log/slog"
	"time"
)

const (
	// DefaultPrefix begins every key.
	DefaultPrefix = "backflow:"
	// DefaultRetryFor is how long the store retries by itself.
	DefaultRetryFor = 5 * time.Second
)

// Options configure a store.
type Options struct {
	// URL is one of
	//
	//	redis://[user:password@]host[:port][/database]
	//	redis+sentinel://[user:password@]host[:port][/database]?master=NAME
	//	unix://[user:password@]/path/to/socket[?db=database]
	//
	// with rediss:// and rediss+sentinel:// for TLS. With +sentinel, host is a
	// Sentinel; sentinel=HOST:PORT names further ones, and sentinelUsername and
	// sentinelPassword authenticate at them. For TLS, ca=PATH names the
	// certificates to trust instead of the system's; cert=PATH and key=PATH name
	// the client's own. All are PEM files. prefix=… is what every key begins with.
	URL string
	// Prefix begins every key when the URL names none; DefaultPrefix when
	// empty. Stores with different prefixes share nothing.
	Prefix string
	// RetryFor is how long a commit or read is retried while Redis cannot be
	// reached, before it fails with ErrUnavailable; DefaultRetryFor when 0.
	RetryFor time.Duration
	// AllowVolatile accepts a Redis whose settings would lose accepted work.
	AllowVolatile bool
	// Durability declares appendfsync ("always" or "everysec") where the server
	// does not permit reading it. What can be read takes precedence.
	Durability string
	// MinReplicas is how many replicas must have a commit, in memory at least,
	// before it returns; 0 waits for none. A commit that reached fewer in time
	// fails with ErrUnavailable.
	MinReplicas int
	// Logger gets the beginning and the end of outages; nil discards.
	Logger *slog.Logger
}
