package failure

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
	"github.com/backflow/backflow/sdk/suggest"
)

// MaxFaults is how many faults of params are looked for; what lies behind is not read.
const MaxFaults = 50

// maxShown is how much of a name that a caller sent is repeated to them.
const maxShown = 64

// Invalid returns the error of faults in the params. It is not final: a migration can make
// the same params right.
func Invalid(faults ...sdk.Fault) *sdk.Error {
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

// Shown quotes a caller's name for a message, so that it can neither break a
// line of a log nor fill it.
func Shown(name string) string {
	short := excerpt.Bytes(name, maxShown)
	if len(name) <= maxShown {
		return strconv.Quote(name)
	}
	return strconv.Quote(strings.TrimSuffix(short, "…")) + "…"
}

// Suggestion is "; did you mean …?" with the candidate nearest to name, or ""
// if none is near.
func Suggestion(name string, candidates []string) string {
	nearest := suggest.Nearest(name, candidates)
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
}
