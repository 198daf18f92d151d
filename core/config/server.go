package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Server says how the gateway listens.
type Server struct {
	// Listen is host:port; an empty host is every address of the machine, port
	// 0 any free port.
	Listen string
	// MaxBodyBytes bounds the body of a request.
	MaxBodyBytes int64
	// RequestTimeout bounds a request; waits and streams are not bound by it.
	RequestTimeout time.Duration
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// PublicURL is the address that the outside knows the gateway by, without a
	// slash at its end; it may be empty.
	PublicURL string
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
}

func serverSchema() schema[Server] {
	return object(
		key("listen", expandedText("address", checkListenAddress), func(s *Server) *string { return &s.Listen },
			"Address to listen on, `host:port`. Without a host: every address of the machine. Port 0: any free port. `backflow dev` listens on 127.0.0.1, at the port given here.").withDefault(`":3000"`),
		key("maxBodyBytes", integer[int64](1, 1<<30), func(s *Server) *int64 { return &s.MaxBodyBytes },
			"Largest body of a request, in bytes; a larger one is answered 413.").withDefault("1048576"),
		key("requestTimeout", duration(), func(s *Server) *time.Duration { return &s.RequestTimeout },
			"How long a request may take. It does not apply to `?wait`.").withDefault(`"30s"`),
		key("trustedProxies", list(ipRange()), func(s *Server) *[]netip.Prefix { return &s.TrustedProxies },
			"Addresses or ranges of proxies whose `X-Forwarded-For` is believed.").withDefault("[]"),
		key("publicUrl", expandedText("URL", checkPublicURL).with(func(_ value, s *string) { *s = strings.TrimRight(*s, "/") }),
			func(s *Server) *string { return &s.PublicURL },
			"The address by which the outside knows the gateway.").withDefault(`""`),
		key("logLevel", logLevel(), func(s *Server) *slog.Level { return &s.LogLevel },
			"Least level of what is logged: `debug`, `info`, `warn` or `error`. `--log-level` wins over it.").withDefault(`"info"`),
	)
}

// logLevels are the levels that a log can have, from the most to the fewest lines.
func logLevels() []string { return []string{"debug", "info", "warn", "error"} }

func logLevel() schema[slog.Level] {
	word := oneOf(logLevels()...)
	return schema[slog.Level]{
		description: word.description,
		decode: func(v value, into *slog.Level) {
			var text string
			if word.decode(v, &text); text != "" {
				*into, _ = ParseLogLevel(text) // it is one of them
			}
		},
	}
}

// ParseLogLevel reads a level as server.logLevel has it.
func ParseLogLevel(text string) (slog.Level, error) {
	var level slog.Level
	if !slices.Contains(logLevels(), text) || level.UnmarshalText([]byte(text)) != nil {
		return 0, fmt.Errorf("the level %q is none of %s", text, strings.Join(logLevels(), ", "))
	}
	return level, nil
}

func checkListenAddress(s string) (problem, hint string) {
	const example = `as in ":3000" or "127.0.0.1:3000"`
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "not an address to listen on", example
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "the port is not a number from 0 to 65535", example
	}
	if host != "" && net.ParseIP(host) == nil && !hostName.MatchString(host) {
		return "the host is neither an IP address nor a name", example
	}
	return "", ""
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$`)

func checkPublicURL(s string) (problem, hint string) {
	if s == "" {
		return "", ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return "not an http or https URL", `as in "https://api.example.com"`
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "a public URL has no user, query or fragment", `as in "https://api.example.com"`
	}
	if problem := checkPort(u); problem != "" {
		return problem, `as in "https://api.example.com"`
	}
	return "", ""
}
