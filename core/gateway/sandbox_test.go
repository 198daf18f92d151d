package gateway

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const advancePath = "/integrations/shop/sandbox/advance"

func TestASandboxDoesWhatTheRequestSays(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.sandboxed(func(sdk.SandboxCommand) (json.RawMessage, error) {
		return json.RawMessage(`{"time":"2027-01-31T12:00:00Z", "n":1.50}`), nil
	})
	rec := h.send("POST", advancePath, `{"by":"31d","n":1.50}`)
	wantStatus(t, rec, 200)
	if got := rec.Body.String(); got != `{"time":"2027-01-31T12:00:00Z", "n":1.50}` || rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("the response is %s, %s", rec.Header().Get("Content-Type"), got)
	}
	wantStatus(t, h.send("POST", "/integrations/shop/sandbox/reset", ""), 200)
	if c := h.integration.commands; len(c) != 2 || c[0].Name != "advance" || string(c[0].Params) != `{"by":"31d","n":1.50}` || c[1].Name != "reset" || string(c[1].Params) != "{}" {
		t.Errorf("the commands are %s", c)
	}
	h.wantCalls(0)
	if shown := fields(t, h.send("GET", "/integrations/shop", "").Body.Bytes()); shown["sandbox"] != true {
		t.Errorf("shown is %v", shown)
	}
	for body, headers := range map[string][]string{`{"by":`: nil, `{"by":"1d","by":"2d"}`: nil, `{}`: {"Content-Type: text/plain"}, `[]`: nil, `"x"`: nil} {
		if rec := h.send("POST", advancePath, body, headers...); rec.Code != 400 && rec.Code != 415 && rec.Code != 422 {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
	wantStatus(t, h.send("POST", advancePath+"?by=31d", ""), 400)
	if n := len(h.integration.commands); n != 2 {
		t.Errorf("what is wrong was handed on: %d commands", n)
	}
}

func TestASandboxThatIsNotThereIsNotFoundWithTheReason(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for path, want := range map[string]string{
		advancePath:                            `integration "shop" does not run in its sandbox: it has no sandbox`,
		"/integrations/shp/sandbox/advance":    `there is no integration "shp" (did you mean "shop"?)`,
		"/integrations/shop/sandbox/advance/x": "no endpoint /sandbox/advance/x",
	} {
		rec := h.send("POST", path, "{}")
		wantCode(t, rec, 404, sdk.CodeNotFound)
		if !strings.Contains(fields(t, rec.Body.Bytes())["detail"].(string), want) {
			t.Errorf("%s: %s, want %q", path, rec.Body, want)
		}
	}
	if shown := h.send("GET", "/integrations/shop", "").Body.String(); strings.Contains(shown, "sandbox") {
		t.Errorf("shown is %s", shown)
	}
	h.integration.absent = true
	wantCode(t, h.send("POST", advancePath, "{}"), 503, sdk.CodeUnavailable)
}

func TestARefusalOfASandboxReachesTheCaller(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for code, status := range map[sdk.Code]int{sdk.CodeUnknownAction: 404, sdk.CodeInvalidParams: 422, sdk.CodeConflict: 409, sdk.CodeUnavailable: 503} {
		h.integration.sandboxed(func(sdk.SandboxCommand) (json.RawMessage, error) {
			return nil, &sdk.Error{Code: code, Message: "told why", Outcome: sdk.OutcomeNotExecuted, Faults: []sdk.Fault{{Pointer: "/by", Message: "is wrong"}}}
		})
		rec := h.send("POST", advancePath, "{}")
		wantCode(t, rec, status, code)
		if !strings.Contains(rec.Body.String(), "told why") || !strings.Contains(rec.Body.String(), `"/by"`) {
			t.Errorf("%s: %s", code, rec.Body)
		}
	}
}

// TestAKeyMovesTheTimeOfASandboxOnce: a repeat of a move is another move, so that
// what became of one is never tried out.
func TestAKeyMovesTheTimeOfASandboxOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.sandboxed(func(sdk.SandboxCommand) (json.RawMessage, error) { return json.RawMessage(`{"moved":1}`), nil })
	first := h.send("POST", advancePath, `{"by":"1d"}`, "Idempotency-Key: k")
	again := h.send("POST", advancePath, `{"by":"1d"}`, "Idempotency-Key: k")
	wantStatus(t, first, 200)
	wantStatus(t, again, 200)
	if again.Header().Get(replayedHeader) != "true" || again.Body.String() != first.Body.String() || len(h.integration.commands) != 1 {
		t.Errorf("the second response is %s after %d commands", again.Body, len(h.integration.commands))
	}
	wantCode(t, h.send("POST", advancePath, `{"by":"2d"}`, "Idempotency-Key: k"), 422, codeKeyReused)
	h.integration.sandboxed(func(sdk.SandboxCommand) (json.RawMessage, error) { return nil, errors.New("the connection broke") })
	if rec := h.send("POST", advancePath, `{"by":"1d"}`, "Idempotency-Key: lost"); rec.Code < 500 {
		t.Errorf("a move that got lost: %d %s", rec.Code, rec.Body)
	}
	h.integration.sandboxed(func(sdk.SandboxCommand) (json.RawMessage, error) { return json.RawMessage(`{}`), nil })
	wantCode(t, h.send("POST", advancePath, `{"by":"1d"}`, "Idempotency-Key: lost"), 502, sdk.CodeOutcomeUnknown)
	if n := len(h.integration.commands); n != 2 {
		t.Errorf("%d commands, want 2", n)
	}
}
