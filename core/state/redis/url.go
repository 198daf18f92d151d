package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	sentinelSuffix = "+sentinel"
	sentinelPort   = "26379"
)

// server is where the state is kept.
type server struct {
	client *goredis.Client
	name   string // in messages
	prefix string // of every key
}

// server reads the URL. Errors do not show it, since it may hold a password.
func (o Options) server() (*server, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("malformed url: %w", hideURL(err))
	}
	scheme, sentinel := strings.CutSuffix(u.Scheme, sentinelSuffix)
	query := u.Query()
	for name, values := range query {
		switch {
		case name == "prefix", name == "db" && scheme == "unix":
		case (name == "ca" || name == "cert" || name == "key") && scheme == "rediss":
		case (name == "master" || name == "sentinelUsername" || name == "sentinelPassword") && sentinel:
		case name == "sentinel" && sentinel:
			continue
		default:
			return nil, fmt.Errorf("unknown parameter %q in url", name)
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("parameter %q is given twice in url", name)
		}
	}
	s := &server{prefix: o.Prefix}
	if p := query.Get("prefix"); p != "" {
		s.prefix = p
	}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	plain := *u
	plain.Scheme, plain.RawQuery = scheme, ""
	if db := query.Get("db"); db != "" {
		plain.RawQuery = url.Values{"db": {db}}.Encode()
	}
	c, err := goredis.ParseURL(plain.String())
	if err != nil {
		return nil, fmt.Errorf("malformed url: %w", hideURL(err))
	}
	if c.TLSConfig != nil {
		if err := loadCertificates(c.TLSConfig, query); err != nil {
			return nil, err
		}
	}
	// The driver would repeat what may have been applied already.
	c.MaxRetries = -1
	c.DialerRetries = 1
	c.ContextTimeoutEnabled = true
	c.DisableIdentity = true
	c.Protocol = 2
	c.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	s.name = c.Addr
	if !sentinel {
		s.client = goredis.NewClient(c)
		return s, nil
	}
	f, err := failover(c, u, query)
	if err != nil {
		return nil, err
	}
	s.name = fmt.Sprintf("%s of Sentinel %s", f.MasterName, strings.Join(f.SentinelAddrs, ", "))
	s.client = goredis.NewFailoverClient(f)
	return s, nil
}

// failover returns the options of a client that asks Sentinels for the server that
// c would connect to.
func failover(c *goredis.Options, u *url.URL, query url.Values) (*goredis.FailoverOptions, error) {
	f := &goredis.FailoverOptions{
		MasterName: query.Get("master"), SentinelUsername: query.Get("sentinelUsername"), SentinelPassword: query.Get("sentinelPassword"),
		Username: c.Username, Password: c.Password, DB: c.DB, TLSConfig: c.TLSConfig,
		MaxRetries: c.MaxRetries, DialerRetries: c.DialerRetries, ContextTimeoutEnabled: c.ContextTimeoutEnabled,
		DisableIdentity: c.DisableIdentity, Protocol: c.Protocol,
	}
	if f.TLSConfig != nil {
		f.TLSConfig.ServerName = "" // each server has its own name
	}
	if f.MasterName == "" {
		return nil, errors.New("the url names no master: give master=NAME, as the Sentinels know it")
	}
	for _, address := range append([]string{u.Host}, query["sentinel"]...) {
		host, port, err := net.SplitHostPort(address)
		if err != nil { // without a port
			host, port = strings.Trim(address, "[]"), sentinelPort
		}
		if host == "" {
			return nil, errors.New("malformed url: a Sentinel has no host")
		}
		f.SentinelAddrs = append(f.SentinelAddrs, net.JoinHostPort(host, port))
	}
	return f, nil
}

// loadCertificates reads the certificates that a URL names.
func loadCertificates(c *tls.Config, query url.Values) error {
	if path := query.Get("ca"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("certificates to trust: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("certificates to trust: there is none in %s", path)
		}
	}
	cert, key := query.Get("cert"), query.Get("key")
	if cert == "" && key == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("certificate to show: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// hideURL returns a parser's error without the URL.
func hideURL(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}
