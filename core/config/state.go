package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/suggest"
)

// State says where runs, events and idempotency records are kept.
type State struct {
	Pos Pos
	// URL may hold a password. It is zero where the config names none: the
	// default is the command's.
	URL Secret
	// Backend is one of Backends, or "" where the config has no URL.
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
	// MaxRunBytes and MaxRunSteps bound one run: see workflow.Limits.
	MaxRunBytes, MaxRunSteps int
	Retention                Retention
}

// Retention says how long runs are kept after their end, and events after their receipt.
type Retention struct {
	Succeeded, Failed, Events time.Duration
	// MaxRuns is the most ended runs that are kept; 0 is no bound.
	MaxRuns int
}

// Bounds of what a config may allow a run.
const (
	minRunBytes = 1 << 10
	maxRunBytes = 256 << 20 // a run that is worked on is in memory
	maxRunSteps = 1_000_000
	// maxEventRetention is that of event.MaxRetention.
	maxEventRetention = 720 * time.Hour
)

func stateSchema() schema[State] {
	return object(
		key("url", secretText(checkStateURL), func(s *State) *Secret { return &s.URL },
			strings.Join(backendTexts(func(b backend) string { return b.form }), ", or ")+". Default: `sqlite://data/state.db`; in `backflow dev` a file under `.backflow/`."),
		key("allowVolatile", boolean(), func(s *State) *bool { return &s.AllowVolatile },
			"Accepts a Redis that may lose accepted work: without persistence, or one that evicts keys.").withDefault("false"),
		key("durability", oneOf("", "always", "everysec"), func(s *State) *string { return &s.Durability },
			"How Redis syncs its log, `always` or `everysec`, where the gateway cannot ask it.").withDefault(`""`),
		key("maxRunBytes", integer(minRunBytes, maxRunBytes), func(s *State) *int { return &s.MaxRunBytes },
			"How many bytes all values of one run may have: its input, the params of its calls, results, errors and its output. A run that exceeds it fails with `run_too_large`, which names the step.").withDefault(strconv.Itoa(workflow.DefaultMaxBytes)),
		key("maxRunSteps", integer(1, maxRunSteps), func(s *State) *int { return &s.MaxRunSteps },
			"How many steps one run may have, those of each iteration included. A run that exceeds it fails with `run_too_many_steps`, before any of the loop begins where its size is known by then.").withDefault(strconv.Itoa(workflow.DefaultMaxSteps)),
		key("retention", retentionSchema(), func(s *State) *Retention { return &s.Retention },
			"How long runs are kept after their end, and events after their receipt, with all that is known of them.").withDefault("{}"),
		key("minReplicas", integer(0, 100), func(s *State) *int { return &s.MinReplicas },
			"How many replicas of Redis must have a write before it counts as done. A failover to one of them then loses nothing that was accepted.").withDefault("0"),
	).with(func(v value, s *State) {
		s.Pos = v.node.Pos
		kept := backends[0]
		if !s.URL.IsZero() {
			kept, _ = backendOf(s.URL.Reveal()) // the check of the URL has found it
			s.Backend = kept.name
			kept.take(v.at("url", v.node.Get("url")), s)
		}
		if n := v.node.Get("minReplicas"); n != nil && s.MinReplicas > 0 && kept.noReplicas != "" {
			v.at("minReplicas", n).fault("leave it out", "%s", kept.noReplicas)
		}
	})
}

func retentionSchema() schema[Retention] {
	return object(
		key("succeeded", duration(), func(r *Retention) *time.Duration { return &r.Succeeded },
			"How long a run that succeeded is kept.").withDefault(`"168h"`),
		key("failed", duration(), func(r *Retention) *time.Duration { return &r.Failed },
			"How long a run that failed or was cancelled is kept.").withDefault(`"720h"`),
		key("events", eventRetention(), func(r *Retention) *time.Duration { return &r.Events },
			"How long a webhook event is listed and shown from its receipt on, at most 720h. Its id is remembered for 30 days in any case.").withDefault(`"720h"`),
		key("maxRuns", integer(0, 1_000_000_000), func(r *Retention) *int { return &r.MaxRuns },
			"How many ended runs are kept at most, whatever their age; those that ended first go first. 0: any number.").withDefault("0"),
	)
}

// eventRetention is a duration for which events can be shown.
func eventRetention() schema[time.Duration] {
	return duration().with(func(v value, d *time.Duration) {
		if *d > maxEventRetention {
			v.fault("720h is the most", "events are remembered for 30 days, and shown no longer")
		}
	})
}

// backend is a kind of store: a row of the table of backends.
type backend struct {
	// name is what State.Backend is, and title what people call it.
	name, title string
	// schemes are those of its URLs.
	schemes []string
	// form says in Markdown what its URLs look like.
	form string
	// examples are URLs, for hints.
	examples []string
	// check says what is wrong with a URL of one of the schemes. It must not quote
	// the URL, which may hold a password.
	check check
	// take takes what the state needs from the URL, which is checked. The value is
	// the URL's.
	take func(v value, s *State)
	// noReplicas says why minReplicas means nothing; empty where it means something.
	noReplicas string
}

// backends are the kinds of stores. The first is that of a config without a URL.
var backends = []backend{{
	name: "sqlite", title: "SQLite", schemes: []string{"sqlite"},
	form:       "`sqlite://PATH`, relative to the config or absolute (`sqlite:///var/…`)",
	examples:   []string{"sqlite://data/state.db"},
	check:      checkSQLiteURL,
	take:       takeSQLitePath,
	noReplicas: "an SQLite file has no replicas",
}, {
	name: "redis", title: "Redis", schemes: []string{"redis", "rediss", "redis+sentinel", "rediss+sentinel"},
	form:     "`redis://…`, `rediss://…`, `redis+sentinel://…`, `rediss+sentinel://…`",
	examples: []string{"redis://127.0.0.1:6379/0", "rediss://…"},
	check:    checkRedisURL,
	take:     rememberRedisPasswords,
}}

// Backends lists what State.Backend may be. The first is also that of a config
// without a URL.
func Backends() []string { return backendTexts(func(b backend) string { return b.name }) }

// backendTexts lists what is said of each backend.
func backendTexts(say func(backend) string) []string {
	texts := make([]string, len(backends))
	for i, b := range backends {
		texts[i] = say(b)
	}
	return texts
}

// backendOf returns the backend of a URL; ok is false where it has none.
func backendOf(url string) (found backend, ok bool) {
	scheme, _, isURL := strings.Cut(url, "://")
	i := slices.IndexFunc(backends, func(b backend) bool { return slices.Contains(b.schemes, scheme) })
	if !isURL || i < 0 {
		return backend{}, false
	}
	return backends[i], true
}

// checkStateURL must not quote the URL, which may hold a password.
func checkStateURL(s string) (problem, hint string) {
	found, ok := backendOf(s)
	switch {
	case !strings.Contains(s, "://"):
		problem = "not a URL"
	case !ok:
		problem = "state is kept in " + strings.Join(backendTexts(func(b backend) string { return b.title }), " or ") + ", not elsewhere"
	default:
		return found.check(s)
	}
	var examples []string
	for _, b := range backends {
		examples = append(examples, b.examples...)
	}
	last := len(examples) - 1
	return problem, strings.Join(examples[:last], ", ") + " or " + examples[last]
}

func checkSQLiteURL(s string) (problem, hint string) {
	// Only the form is checked: which directory it is relative to does not matter.
	if _, err := resolveSQLite(s, string(filepath.Separator)); err != nil {
		return err.Error(), "as in sqlite://data/state.db"
	}
	return "", ""
}

// takeSQLitePath resolves the path of a URL, in which the check has found one.
func takeSQLitePath(v value, s *State) {
	s.Path, _ = resolveSQLite(s.URL.Reveal(), v.baseDir())
	switch {
	case v.options.isDirectory(s.Path):
		v.fault("name a file in it, as in sqlite://data/state.db", "the path is a directory, and the state is kept in a file")
	case v.options.exists(filepath.Dir(s.Path)):
		v.fault("", "the path names as the directory of the state what is a file")
	}
}

// redisParameters are those that a URL of Redis may have, with the schemes that they
// are for; without any: for all.
var redisParameters = map[string][]string{
	"prefix":           nil,
	"ca":               {"rediss", "rediss+sentinel"},
	"cert":             {"rediss", "rediss+sentinel"},
	"key":              {"rediss", "rediss+sentinel"},
	"master":           {"redis+sentinel", "rediss+sentinel"},
	"sentinel":         {"redis+sentinel", "rediss+sentinel"},
	"sentinelUsername": {"redis+sentinel", "rediss+sentinel"},
	"sentinelPassword": {"redis+sentinel", "rediss+sentinel"},
}

// checkRedisParameters must not quote values, which may be passwords.
func checkRedisParameters(u *url.URL) (problem, hint string) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "the parameters of the URL are not well formed", "as in ?prefix=shop:"
	}
	var known []string
	for _, name := range slices.Sorted(maps.Keys(redisParameters)) {
		if schemes := redisParameters[name]; schemes == nil || slices.Contains(schemes, u.Scheme) {
			known = append(known, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		schemes, exists := redisParameters[name]
		switch {
		case !exists:
			return "unknown parameter " + strconv.Quote(clip(name)) + " in the URL", suggest.Hint(name, known)
		case schemes != nil && !slices.Contains(schemes, u.Scheme):
			return "the parameter " + strconv.Quote(name) + " is for URLs that begin with " + strings.Join(schemes, ":// or ") + "://", ""
		case len(query[name]) > 1 && name != "sentinel":
			return "the parameter " + strconv.Quote(name) + " is given twice in the URL", ""
		}
	}
	if strings.HasSuffix(u.Scheme, "+sentinel") && query.Get("master") == "" {
		return "the URL names no master", "add ?master=NAME, as the Sentinels know it"
	}
	return "", ""
}

// checkPort returns what is wrong with the port of a URL; one that it does not name is
// the scheme's.
func checkPort(u *url.URL) (problem string) {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "the port is not a number from 1 to 65535"
		}
	}
	return ""
}

func checkRedisURL(s string) (problem, hint string) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Fragment != "" {
		return "not a valid URL of Redis", "as in redis://user:password@127.0.0.1:6379/0; other characters than letters and digits in the password are written as %XX"
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		if _, err := strconv.ParseUint(db, 10, 31); err != nil {
			return "the path of a URL of Redis is the number of its database", "as in redis://127.0.0.1:6379/0"
		}
	}
	if problem := checkPort(u); problem != "" {
		return problem, "as in redis://127.0.0.1:6379/0"
	}
	return checkRedisParameters(u)
}

// rememberRedisPasswords keeps the passwords in a URL secret: a log may hold one
// alone.
func rememberRedisPasswords(v value, s *State) {
	if u, err := url.Parse(s.URL.Reveal()); err == nil { // the check has parsed it
		password, _ := u.User.Password()
		v.remember(password)
		v.remember(u.Query().Get("sentinelPassword"))
	}
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
