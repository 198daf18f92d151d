package config

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/backflow/backflow/core/workflow"
)

// namePattern is what a name may look like.
type namePattern struct {
	what    string // what it names, with article
	pattern *regexp.Regexp
	hint    string
	taken   []string // names that mean something else
}

// check is a check of names, for text and dict.
func (p namePattern) check(name string) (problem, hint string) {
	switch {
	case !p.pattern.MatchString(name):
		return strconv.Quote(clip(name)) + " is not the name of " + p.what, p.hint
	case slices.Contains(p.taken, name):
		return strconv.Quote(name) + " is the name of a step type", "an integration may not be named like one"
	}
	return "", ""
}

// integrationName is what sdk.Manifest.Name allows.
var integrationName = namePattern{
	what:    "an integration",
	pattern: regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`),
	hint:    "lower-case letters, digits and hyphens, starting with a letter, at most 63",
	taken:   workflow.StepTypes(),
}

// simpleNames are the names of simpleName.
var simpleNames = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// simpleName is the pattern of names that appear in paths, logs and metrics.
func simpleName(what string) namePattern {
	return namePattern{
		what:    what,
		pattern: simpleNames,
		hint:    "letters, digits, hyphen, dot and _, starting with a letter or digit, at most 64",
	}
}
