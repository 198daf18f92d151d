package gateway

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// allCodes are all codes that a problem can have.
var allCodes = []sdk.Code{
	codeBadRequest, codeInvalidJSON, codeUnauthorized, sdk.CodeForbidden, codeMethodNotAllowed, codeRequestTimeout, codeTooLarge,
	codeUnsupportedType, codeKeyInvalid, codeKeyInProgress, codeKeyReused, codeWebhookRefused, codeInboxFull, codeOverloaded, engine.CodeLimitReached, workflow.CodeCancelled, workflow.CodeFailed,
	workflow.CodeRunTooLarge, workflow.CodeRunTooManySteps, workflow.CodeParked,
	sdk.CodeInvalidParams, sdk.CodeRejected, sdk.CodeDeclined, sdk.CodeNotFound, sdk.CodeConflict, sdk.CodeTooManyRows, sdk.CodePreconditionFailed, sdk.CodeRateLimited,
	sdk.CodeCredentials, sdk.CodeUpstream, sdk.CodeTimeout, sdk.CodeUnavailable, sdk.CodeOutcomeUnknown, sdk.CodeResultTooLarge,
	sdk.CodeUnknownAction, sdk.CodeInternal,
}

// TestTheErrorTableIsTrue: every code is in docs/http.md with its status, and no
// other.
func TestTheErrorTableIsTrue(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/http.md")
	must(t, err)
	documented := map[sdk.Code]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([0-9]{3}) \\|").FindAllStringSubmatch(string(page), -1) {
		documented[sdk.Code(row[1])], err = strconv.Atoi(row[2])
		must(t, err)
	}
	for _, code := range allCodes {
		if status, _ := statusOf(code); documented[code] != status {
			t.Errorf("%s is %d, documented %d", code, status, documented[code])
		}
		delete(documented, code)
	}
	for code := range documented {
		t.Errorf("%s is documented and unknown", code)
	}
}

// TestTheDocumentedLimitsAreTheDefaults holds the numbers of docs/http.md.
func TestTheDocumentedLimitsAreTheDefaults(t *testing.T) {
	t.Parallel()
	want := Limits{
		MaxHeaderBytes: 32 << 10, MaxConnections: 10_000, MaxConcurrent: 1024, MaxArriving: 64 << 20, MaxLeaving: 128 << 20, MaxWaiting: 4096, MaxStreams: 1024,
		HeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, DrainTimeout: 20 * time.Second,
		Heartbeat: 15 * time.Second, WriteTimeout: 10 * time.Second,
	}
	if got := (Limits{}).withDefaults(); got != want {
		t.Errorf("%+v", got)
	}
	if DefaultMaxBodyBytes != 1<<20 || DefaultRequestTimeout != 30*time.Second || maxWait != 10*time.Minute || maxPage != 200 {
		t.Error("a default differs")
	}
}

// TestEveryProblemHasItsSection: the type of a problem leads to the section of
// docs/errors.md with its code, which says its status. There are no others.
func TestEveryProblemHasItsSection(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	must(t, err)
	sections := map[sdk.Code]int{}
	for _, found := range regexp.MustCompile(`(?m)^## ([a-z_]+)\n\n\*\*([0-9]{3})\.\*\* [^\n]{20,}`).FindAllStringSubmatch(string(page), -1) {
		sections[sdk.Code(found[1])], err = strconv.Atoi(found[2])
		must(t, err)
	}
	if headings := strings.Count(string(page), "\n## "); headings != len(sections) {
		t.Errorf("%d headings, %d sections of codes", headings, len(sections))
	}
	for _, code := range allCodes {
		p := newProblem(&apiError{code: code}, "")
		if want := "https://github.com/backflow/backflow/blob/main/docs/errors.md#" + string(code); p.Type != want || sections[code] != p.Status {
			t.Errorf("%s: the type is %s, the section says %d", code, p.Type, sections[code])
		}
		delete(sections, code)
	}
	for code := range sections {
		t.Errorf("%s has a section and is unknown", code)
	}
}
