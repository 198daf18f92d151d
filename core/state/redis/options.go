package redis

import (
	"log/slog"
	"time"
)

const (
	// DefaultPrefix begins every key.
	DefaultPrefix = "backflow:"
	// DefaultRetryFor is how long the store tries again by itself.
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
	// Sentinel; further ones are named by sentinel=HOST:PORT, and what they ask
	// for by sentinelUsername and sentinelPassword. For TLS, ca=PATH names the
	// certificates to trust instead of the system's, cert=PATH and key=PATH those
	// to show, all in PEM. The parameter prefix=… names what every key begins
	// with.
	URL string
	// Prefix begins every key when the URL names none; DefaultPrefix when
	// empty. Stores with different prefixes share nothing.
	Prefix string
	// RetryFor is how long a commit or read is tried again while Redis cannot
	// be reached, before it fails with ErrUnavailable; DefaultRetryFor when 0.
	RetryFor time.Duration
	// AllowVolatile accepts a Redis whose settings would lose accepted work.
	AllowVolatile bool
	// Durability declares appendfsync ("always" or "everysec") where the
	// server does not let it be read. What can be read counts.
	Durability string
	// MinReplicas is how many replicas must have a commit, in memory at least,
	// before it returns; 0 waits for none. A commit that fewer had in time fails
	// with ErrUnavailable.
	MinReplicas int
	// Logger hears of the beginning and the end of outages; nil discards.
	Logger *slog.Logger
}
