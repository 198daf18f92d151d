package gateway

import (
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

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
	codes := []sdk.Code{
		codeBadRequest, codeInvalidJSON, codeUnauthorized, sdk.CodeForbidden, codeMethodNotAllowed, codeRequestTimeout, codeTooLarge,
		codeUnsupportedType, codeKeyInvalid, codeKeyInProgress, codeKeyReused, codeWebhookRefused, codeInboxFull, codeOverloaded, engine.CodeLimitReached, workflow.CodeCancelled, workflow.CodeFailed,
		workflow.CodeRunTooLarge, workflow.CodeRunTooManySteps, workflow.CodeParked,
		sdk.CodeInvalidParams, sdk.CodeRejected, sdk.CodeDeclined, sdk.CodeNotFound, sdk.CodeConflict, sdk.CodeRateLimited,
		sdk.CodeCredentials, sdk.CodeUpstream, sdk.CodeTimeout, sdk.CodeUnavailable, sdk.CodeOutcomeUnknown, sdk.CodeResultTooLarge,
		sdk.CodeUnknownAction, sdk.CodeInternal,
	}
	for _, code := range codes {
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
