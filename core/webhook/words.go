package webhook

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxIDLen bounds the id and the type of an event, in bytes.
const MaxIDLen = 512

// checkWord returns an error for an id or a type that cannot be kept.
func checkWord(what, s string, mayBeEmpty bool) error {
	switch {
	case s == "" && !mayBeEmpty:
		return &Refusal{Kind: RefusedEvent, Genuine: true, Reason: "the event has no " + what}
	case len(s) > MaxIDLen:
		return &Refusal{Kind: RefusedEvent, Genuine: true, Reason: fmt.Sprintf("the event's %s has %d bytes, at most %d are kept", what, len(s), MaxIDLen)}
	case !utf8.ValidString(s):
		return &Refusal{Kind: RefusedEvent, Genuine: true, Reason: "the event's " + what + " is not valid UTF-8"}
	default:
		return nil
	}
}

// maxFlags and maxFlag bound the flags of an event, in number and in bytes.
const (
	maxFlags = 16
	maxFlag  = 64
)

// keptFlags returns the flags that can be kept: each once, and words.
func keptFlags(flags []string) []string {
	var kept []string
	for _, flag := range flags {
		isWord := flag != "" && len(flag) <= maxFlag && !strings.ContainsFunc(flag, func(c rune) bool {
			return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		})
		if isWord && len(kept) < maxFlags && !slices.Contains(kept, flag) {
			kept = append(kept, flag)
		}
	}
	return kept
}
