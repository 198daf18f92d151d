package sdk

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// Variant says how some of the calls of an action are treated, where one action has
// many operations behind it: those whose param is a text that the pattern matches.
// The first variant that matches counts; without one the fields of the action do.
type Variant struct {
	// Param is the name of a param at the top of the action's schema.
	Param string `json:"param"`
	// Pattern is a regular expression (RE2) that matches the whole text of the param.
	Pattern string `json:"pattern"`
	// Writes, Repeat, KeyLifetime and Permissions are as those of ActionSpec.
	Writes      bool          `json:"writes,omitempty"`
	Repeat      Repeat        `json:"repeat,omitempty"`
	KeyLifetime time.Duration `json:"keyLifetime,omitempty"`
	Permissions []string      `json:"permissions,omitempty"`
}

// Treatment is how a call is treated. Its fields are as those of ActionSpec.
type Treatment struct {
	Writes      bool
	Repeat      Repeat
	KeyLifetime time.Duration
	Permissions []string
}

// SafeToRepeat reports whether a call may be sent again after an unknown
// outcome: it reads only, or a repeat with the same key does no harm. It says
// nothing of a key's lifetime.
func (t Treatment) SafeToRepeat() bool {
	return !t.Writes || t.Repeat == RepeatNative || t.Repeat == RepeatTransactional || t.Repeat == RepeatIdempotent
}

// Keyed reports whether the call writes and its idempotency key is honoured: all
// calls with one key are then treated as one.
func (t Treatment) Keyed() bool {
	return t.Writes && (t.Repeat == RepeatNative || t.Repeat == RepeatTransactional)
}

// Treatments is how the calls of one action are treated, with the patterns of its
// variants compiled. It is immutable and safe for concurrent use.
type Treatments struct {
	own      Treatment
	variants []compiledVariant
}

type compiledVariant struct {
	param   string
	pattern *regexp.Regexp
	Treatment
}

// Treatments compiles the variants of the action. The error names the first whose
// pattern is no regular expression.
func (a *ActionSpec) Treatments() (*Treatments, error) {
	t := &Treatments{own: Treatment{Writes: a.Writes, Repeat: a.Repeat, KeyLifetime: a.KeyLifetime, Permissions: a.Permissions}}
	for i, v := range a.Variants {
		pattern, err := wholeText(v.Pattern)
		if err != nil {
			return nil, fmt.Errorf("variant %d: pattern: %w", i, err)
		}
		t.variants = append(t.variants, compiledVariant{v.Param, pattern, Treatment{v.Writes, v.Repeat, v.KeyLifetime, v.Permissions}})
	}
	return t, nil
}

// wholeText compiles a pattern so that it matches whole texts only. The pattern is
// one by itself: "a)|(b" is none.
func wholeText(pattern string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// For returns how a call is treated. text returns a param at the top of the call's
// params, false where there is none or it is no text.
func (t *Treatments) For(text func(param string) (string, bool)) Treatment {
	for i := range t.variants {
		v := &t.variants[i]
		if given, ok := text(v.param); ok && v.pattern.MatchString(given) {
			return v.Treatment
		}
	}
	return t.own
}

// For returns how a call with these params is treated. It compiles the variants each
// time: Treatments is for many calls. Where a pattern cannot be compiled, a repeat
// may act twice.
func (a *ActionSpec) For(params json.RawMessage) Treatment {
	t, err := a.Treatments()
	if err != nil {
		return Treatment{Writes: true, Repeat: RepeatNone}
	}
	var given map[string]json.RawMessage
	// Params that are no object match no variant.
	_ = json.Unmarshal(params, &given)
	return t.For(func(param string) (text string, ok bool) {
		raw, there := given[param]
		if !there || len(raw) == 0 || raw[0] != '"' {
			return "", false
		}
		return text, json.Unmarshal(raw, &text) == nil
	})
}
