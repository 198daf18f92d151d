package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State says where runs, events and idempotency records are kept.
type State struct {
	Pos Pos
	// URL may hold a password. It is zero where the config names none: the
	// default is the command's.
	URL Secret
	// Backend is "sqlite", "redis", or "" where the config has no URL.
	Backend string
	// Path is the absolute path of the file for SQLite.
	Path string
	// AllowVolatile accepts a store that may lose accepted work.
	AllowVolatile bool
	// Durability declares how the store syncs ("always", "everysec") where that
	// cannot be asked; "" is not declared.
	Durability string
	// MinReplicas is how many replicas of Redis must have a write before it is
	// done.
	MinReplicas int
	Retention   Retention
}

// Retention says how long runs are kept after their end.
type Retention struct {
	Succeeded, Failed time.Duration
	// MaxRuns is the most ended runs that are kept; 0 is no bound.
	MaxRuns int
}

func stateSchema() schema[State] {
	return object(
		key("url", secretText(checkStateURL), func(s *State) *Secret { return &s.URL },
			"`sqlite://PATH`, relative to the config or absolute (`sqlite:///var/…`), or `redis://…`, `rediss://…`, `redis+sentinel://…`, `rediss+sentinel://…`. Default: `sqlite://data/state.db`; in `backflow dev` a file under `.backflow/`."),
		key("allowVolatile", boolean(), func(s *State) *bool { return &s.AllowVolatile },
			"Accepts a Redis that may lose accepted work: without persistence, or one that evicts keys.").withDefault("false"),
		key("durability", oneOf("", "always", "everysec"), func(s *State) *string { return &s.Durability },
			"How Redis syncs its log, `always` or `everysec`, where the gateway cannot ask it.").withDefault(`""`),
		key("retention", retentionSchema(), func(s *State) *Retention { return &s.Retention },
			"How long runs are kept after their end, with all that is known of them.").withDefault("{}"),
		key("minReplicas", integer(0, 100), func(s *State) *int { return &s.MinReplicas },
			"How many replicas of Redis must have a write before it counts as done. A failover to one of them then loses nothing that was accepted.").withDefault("0"),
	).with(func(v value, s *State) {
		s.Pos = v.node.Pos
		if n := v.node.Get("minReplicas"); n != nil && s.MinReplicas > 0 && (s.URL.IsZero() || strings.HasPrefix(s.URL.Reveal(), "sqlite:")) {
			v.at("minReplicas", n).fault("leave it out", "an SQLite file has no replicas")
		}
		if s.URL.IsZero() {
			return
		}
		written := v.at("url", v.node.Get("url"))
		if !strings.HasPrefix(s.URL.Reveal(), "sqlite:") {
			s.Backend = "redis"
			// The check has parsed the URL; a log may hold its password alone.
			if u, err := url.Parse(s.URL.Reveal()); err == nil {
				password, _ := u.User.Password()
				v.remember(password)
				v.remember(u.Query().Get("sentinelPassword"))
			}
			return
		}
		s.Backend = "sqlite"
		// The check of the URL has found a path in it.
		s.Path, _ = resolveSQLite(s.URL.Reveal(), written.baseDir())
	})
}

func retentionSchema() schema[Retention] {
	return object(
		key("succeeded", duration(), func(r *Retention) *time.Duration { return &r.Succeeded },
			"How long a run that succeeded is kept.").withDefault(`"168h"`),
		key("failed", duration(), func(r *Retention) *time.Duration { return &r.Failed },
			"How long a run that failed or was cancelled is kept.").withDefault(`"720h"`),
		key("maxRuns", integer(0, 1_000_000_000), func(r *Retention) *int { return &r.MaxRuns },
			"How many ended runs are kept at most, whatever their age; those that ended first go first. 0: any number.").withDefault("0"),
	)
}

// checkStateURL must not quote the URL, which may hold a password.
func checkStateURL(s string) (problem, hint string) {
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

// resolveSQLite returns the absolute path of the file that a sqlite:// URL
// names; a relative one is relative to baseDir. An error says what is wrong
// with the URL.
func resolveSQLite(written, baseDir string) (string, error) {
	path, ok := strings.CutPrefix(written, "sqlite://")
	switch {
	case !ok:
		return "", errors.New("a URL of SQLite starts with sqlite://")
	case path == "" || strings.HasSuffix(path, "/"):
		return "", errors.New("sqlite:// is followed by the path of a file")
	case strings.ContainsAny(path, "?#"):
		return "", errors.New("a URL of SQLite takes no options")
	case strings.HasPrefix(path, ":memory:"):
		return "", errors.New("SQLite in memory keeps nothing")
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path), nil
	}
	if !filepath.IsAbs(baseDir) {
		return "", fmt.Errorf("resolve %s: %s is not absolute", path, baseDir)
	}
	return filepath.Join(baseDir, path), nil
}
