package config

import (
	"encoding/hex"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// namePattern is what a name may look like.
type namePattern struct {
	what    string // what it names, with article
	pattern *regexp.Regexp
	hint    string
	taken   []string // names that mean something else
}

func (p namePattern) check(name string) (problem, hint string) {
	switch {
	case !p.pattern.MatchString(name):
		return strconv.Quote(clip(name)) + " is not the name of " + p.what, p.hint
	case slices.Contains(p.taken, name):
		return strconv.Quote(name) + " is the name of a step type", "an integration may not be named like one"
	}
	return "", ""
}

var (
	// integrationName is what sdk.Manifest.Name allows.
	integrationName = namePattern{
		what:    "an integration",
		pattern: regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`),
		hint:    "lower-case letters, digits and hyphens, starting with a letter, at most 63",
		taken: []string{"integration", "sequence", "parallel", "foreach", "switch", "wait", "waitForEvent",
			"workflow", "set", "fail", "return"},
	}
	variableName = namePattern{
		what:    "an environment variable",
		pattern: envName,
		hint:    "letters, digits and _, not starting with a digit",
	}
)

// simpleName is the pattern of names that appear in paths, logs and metrics.
func simpleName(what string) namePattern {
	return namePattern{
		what:    what,
		pattern: regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`),
		hint:    "letters, digits, hyphen, dot and _, starting with a letter or digit, at most 64",
	}
}

// clip keeps a message readable whatever the file holds.
func clip(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// builtInProviders verify webhooks without a plugin; none is there yet.
var builtInProviders = []string{"github", "slack", "twilio", "shopify", "standard", "custom"}

func provider(s string) (problem, hint string) {
	if slices.Contains(builtInProviders, s) {
		return "the provider " + s + " is not supported by this version", "webhooks are verified by plugins, such as stripe"
	}
	return integrationName.check(s)
}

func listenAddress(s string) (problem, hint string) {
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

func publicURL(s string) (problem, hint string) {
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
	return "", ""
}

// stateURL must not quote the URL, which may hold a password.
func stateURL(s string) (problem, hint string) {
	const example = "sqlite://data/state.db, redis://127.0.0.1:6379/0 or rediss://…"
	scheme, _, ok := strings.Cut(s, "://")
	switch {
	case !ok:
		return "not a URL", example
	case scheme == "sqlite":
		// Only the form is checked: which directory it is relative to does not matter.
		if _, err := resolveSQLite(s, string(filepath.Separator)); err != nil {
			return err.Error(), "as in sqlite://data/state.db"
		}
	case slices.Contains([]string{"redis", "rediss", "redis+sentinel", "rediss+sentinel"}, scheme):
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" || u.Fragment != "" {
			return "not a valid URL of Redis", "as in redis://user:password@127.0.0.1:6379/0; other characters than letters and digits in the password are written as %XX"
		}
		if db := strings.TrimPrefix(u.Path, "/"); db != "" {
			if _, err := strconv.ParseUint(db, 10, 31); err != nil {
				return "the path of a URL of Redis is the number of its database", "as in redis://127.0.0.1:6379/0"
			}
		}
	default:
		return "state is kept in SQLite or Redis, not elsewhere", example
	}
	return "", ""
}

func notEmpty(s string) (problem, hint string) {
	if s == "" {
		return "the string is empty", ""
	}
	return "", ""
}

// webhookPath leaves to the gateway which paths are its own.
func webhookPath(s string) (problem, hint string) {
	if !strings.HasPrefix(s, "/") {
		return `a path begins with "/"`, `as in "/webhooks/stripe"`
	}
	return "", ""
}

func hexSum(s string) (problem, hint string) {
	if sum, err := hex.DecodeString(s); err != nil || len(sum) != 32 {
		return "not a SHA-256 sum: 64 hex digits", "`sha256sum FILE` prints it"
	}
	return "", ""
}
