package integration

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk"
)

// invalid answers faults in the params. It is not final: a migration can make
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

// suggestion is "; did you mean …?" with the nearest of the candidates, or
// nothing when none is near: case does not count, and about one character in
// three may differ.
func suggestion(name string, candidates []string) string {
	if len(name) > maxShown {
		return ""
	}
	best, nearest := len(name)/3+1, ""
	for _, candidate := range candidates {
		if len(candidate) > maxShown {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < best {
			best, nearest = d, candidate
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", nearest)
}

// distance is the Levenshtein distance of two short names, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
