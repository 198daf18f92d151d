package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// invalid returns the error of faults in the params. It is not final: a migration can make
// the same params right.
func invalid(faults ...sdk.Fault) *sdk.Error {
	messages := make([]string, len(faults))
	for i, fault := range faults {
		messages[i] = fault.Message
	}
	return &sdk.Error{
		Code:    sdk.CodeInvalidParams,
		Message: strings.Join(messages, "; "),
		Outcome: sdk.OutcomeNotExecuted,
		Faults:  faults,
	}
}

func internal(operation string, err error) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeInternal, Message: fmt.Sprintf("%s: %v", operation, err), Outcome: sdk.OutcomeNotExecuted}
}

// maxFaults is how many faults of a row are looked for; what lies behind is not read.
const maxFaults = 50

// maxShown is how much of a name that a caller sent is repeated to them.
const maxShown = 64

// shown quotes a caller's name for a message, so that it can neither break a
// line of a log nor fill it.
func shown(name string) string {
	if len(name) <= maxShown {
		return strconv.Quote(name)
	}
	cut := maxShown
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return strconv.Quote(name[:cut]) + "…"
}

// suggestion is "; did you mean …?" with the candidate nearest to name, or ""
// if none is near.
func suggestion(name string, candidates []string) string {
	nearest := suggest.Nearest(name, candidates)
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
}
