package redis

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// DefaultPrefix begins every key.
	DefaultPrefix = "backflow:"
	// DefaultRetryFor is how long the store tries again by itself.
	DefaultRetryFor = 5 * time.Second
)

// Options configure a store.
type Options struct {
	// URL is redis://[user:password@]host[:port][/database], rediss:// for
	// TLS, or unix://[user:password@]/path/to/socket[?db=database]. The query
	// parameter prefix=… names what every key begins with.
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
}

// client turns the options into those of the driver, and the key prefix. Errors
// do not show the URL, which may hold a password.
func (o Options) client() (*goredis.Options, string, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return nil, "", fmt.Errorf("malformed url: %w", err)
	}
	prefix := o.Prefix
	query := u.Query()
	for name := range query {
		switch {
		case name == "prefix":
			prefix = query.Get(name)
		case name == "db" && u.Scheme == "unix":
		default:
			return nil, "", fmt.Errorf("unknown parameter %q in url", name)
		}
	}
	query.Del("prefix")
	u.RawQuery = query.Encode()
	if prefix == "" {
		prefix = DefaultPrefix
	}
	c, err := goredis.ParseURL(u.String())
	if err != nil {
		return nil, "", fmt.Errorf("malformed url: %w", hideURL(err))
	}
	// The driver would repeat blindly what may have been applied.
	c.MaxRetries = -1
	c.DialerRetries = 1
	c.ContextTimeoutEnabled = true
	c.DisableIdentity = true
	c.Protocol = 2
	c.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return c, prefix, nil
}

// hideURL takes the URL out of a parser's error.
func hideURL(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}
