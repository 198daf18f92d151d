package driver

import "time"

// Options are what the config says of connections and times. Each is above
// zero but MaxIdle, which may be zero.
type Options struct {
	// MaxConnections is how many connections are open at once, and MaxIdle how many of
	// them are kept while nobody uses them.
	MaxConnections, MaxIdle int
	// MaxIdleTime is how long a connection is kept that nobody uses, and MaxLifetime how
	// long one is used at all.
	MaxIdleTime, MaxLifetime time.Duration
	// ConnectTimeout bounds the making of one connection.
	ConnectTimeout time.Duration
	// StatementTimeout bounds each statement of an action; no migration.
	StatementTimeout time.Duration
	// LockTimeout bounds the wait for a lock.
	LockTimeout time.Duration
}
