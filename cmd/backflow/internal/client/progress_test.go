package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/workflow"
)

func TestProgressIsALineForEachChange(t *testing.T) {
	events := []string{
		`{"type":"started"}`,
		`{"type":"scheduled","path":"pay","status":"running"}`,
		`{"type":"attemptFailed","path":"pay","error":{"code":"unavailable","detail":"a\u001b[31mb"}}`,
		`{"type":"succeeded","path":"pay","result":{"id":  "pi_1"}}`,
		`{"type":"waiting","path":"ask","signal":"approval"}`,
		`{"type":"ended","status":"succeeded"}`,
	}
	run := json.RawMessage(`{"id":"r1","workflow":"w","status":"succeeded","output":{"a": 1},` +
		`"createdAt":"2026-01-31T12:00:00Z","finishedAt":"2026-01-31T12:00:01.5Z"}`)
	for name, c := range map[string]struct {
		show Progress
		want string
	}{
		"people": {Progress{Interactive: true}, "run r1 of w is succeeded\n" +
			"  running      pay\n  retrying     pay  unavailable: a\\u001b[31mb\n  succeeded    pay  {\"id\":\"pi_1\"}\n  waiting      ask  for the signal approval\n" +
			"run r1 succeeded after 1.5s\n{\"a\":1}\n"},
		"a pipe": {Progress{}, strings.ReplaceAll(strings.Join(events, "\n"), `  "pi_1"`, `"pi_1"`) + "\n" +
			strings.ReplaceAll(string(run), `"a": 1`, `"a":1`) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c.show.W = &out
			err := c.show.Started(run)
			for _, event := range events {
				err = errors.Join(err, c.show.Event(json.RawMessage(event)))
			}
			if err = errors.Join(err, c.show.Outcome(run)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("(-want +shown):\n%s", diff)
			}
		})
	}
}

func TestARunThatDidNotEndAsWantedIsAnError(t *testing.T) {
	undoFailed := `{"type":"undoFailed","path":"reserve","error":{"code":"unavailable","detail":"down"}}`
	for name, c := range map[string]struct {
		wanted workflow.RunStatus
		status string
		events []string
		want   string
	}{
		"succeeded":                     {"", "succeeded", nil, ""},
		"failed":                        {"", "failed", nil, "the run failed"},
		"cancelled":                     {"", "cancelled", nil, "the run was cancelled"},
		"cancelled, as wanted":          {workflow.RunCancelled, "cancelled", nil, ""},
		"failed instead":                {workflow.RunCancelled, "failed", nil, "the run failed"},
		"succeeded instead":             {workflow.RunCancelled, "succeeded", nil, "the run succeeded"},
		"cancelled, and not all undone": {workflow.RunCancelled, "cancelled", []string{undoFailed}, "the run was cancelled, but not everything was undone: reserve"},
	} {
		show := Progress{W: &bytes.Buffer{}, Wanted: c.wanted}
		var err error
		for _, event := range c.events {
			err = errors.Join(err, show.Event(json.RawMessage(event)))
		}
		if err = errors.Join(err, show.Outcome(fmt.Appendf(nil, `{"status":%q}`, c.status))); fmt.Sprint(err) != fmt.Sprint(errorOf(c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

func TestTheCommandThatHelpsIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		run  string
		want []string // commands
	}{
		"failed":              {`{"id":"r1","status":"failed","steps":[{"path":"a","status":"failed"}]}`, []string{"backflow runs retry r1"}},
		"succeeded":           {`{"id":"r1","status":"succeeded"}`, nil},
		"running":             {`{"id":"r1","status":"running"}`, nil},
		"waiting for a time":  {`{"id":"r1","status":"waiting","waitingFor":"timer"}`, nil},
		"a decision":          {`{"id":"r1","status":"waiting","waitingFor":"decision"}`, []string{"backflow runs retry r1", "backflow runs cancel r1"}},
		"a signal":            {`{"id":"r1","status":"waiting","waitingFor":"signal","steps":[{"path":"ask","status":"waiting","waitingFor":"signal","signal":"it's ok"}]}`, []string{`backflow runs signal r1 'it'\''s ok' --body`}},
		"a signal of no name": {`{"id":"r1","status":"waiting","waitingFor":"signal"}`, []string{"backflow runs signal r1 NAME --body"}},
	} {
		var out bytes.Buffer
		if err := WriteRun(&out, json.RawMessage(c.run)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "backflow runs"); got != len(c.want) {
			t.Errorf("%s: %d commands:\n%s", name, got, &out)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %s is missing:\n%s", name, want, &out)
			}
		}
	}
}

func TestAWaitIsToldWithItsEndAndItsAttempt(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	local := at.Local().Format(time.DateTime)
	run := `{"id":"r1","workflow":"w","status":"waiting","waitingFor":"retry","waitingUntil":"2026-01-31T12:00:00Z","retryAt":"2026-01-31T12:00:00Z",` +
		`"attempt":3,"maxAttempts":10,"error":{"code":"unavailable","detail":"down\u202e","step":"e[0].p"},` +
		`"steps":[{"path":"e[0].p","status":"waiting","attempts":5,"attempt":3,"maxAttempts":10,"waitingFor":"retry","retryAt":"2026-01-31T12:00:00Z",` +
		`"error":{"code":"unavailable","detail":"down"}},{"path":"big","status":"succeeded","attempts":1,"resultUrl":"/runs/r1/steps/big/result","resultBytes":70000}]}`
	var shown, listed bytes.Buffer
	if err := errors.Join(WriteRun(&shown, json.RawMessage(run)), WriteRuns(&listed, []json.RawMessage{json.RawMessage(run)})); err != nil {
		t.Fatal(err)
	}
	wait := "the next attempt, until " + local + ", after attempt 3 of 10"
	for _, want := range []string{"waits for  " + wait, "unavailable: down\\u202e", "in step    e[0].p", "3 of 10", "70000 bytes at /runs/r1/steps/big/result"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is missing:\n%s", want, &shown)
		}
	}
	if !strings.Contains(listed.String(), "waits for "+wait+"; unavailable: down") {
		t.Errorf("the list:\n%s", &listed)
	}
}

func TestReconnectingIsToldOnce(t *testing.T) {
	var out, messages bytes.Buffer
	show := Progress{W: &out, Messages: &messages}
	show.Back()
	show.Away(errors.New("no gateway\x1b listens"))
	show.Away(errors.New("again"))
	show.Back()
	show.Back()
	if want := "reconnecting: no gateway\\u001b listens\nconnected again\n"; messages.String() != want || out.Len() > 0 {
		t.Errorf("told %q and %q, want %q", messages.String(), out.String(), want)
	}
}

func TestAGatewayThatNeverRespondedIsNotWaitedFor(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if _, err := (&Client{Address: server.URL}).Follow(t.Context(), "r1", &Progress{W: &bytes.Buffer{}}); err == nil || !strings.Contains(err.Error(), "no gateway listens") {
		t.Errorf("%v", err)
	}
}

func TestEventsAreDocumentsOfYAMLWhereThatIsWanted(t *testing.T) {
	var out bytes.Buffer
	show := Progress{W: &out, YAML: true}
	err := errors.Join(show.Event(json.RawMessage(`{"type":"succeeded","path":"a","result":{"amount":1.50}}`)), show.Outcome(json.RawMessage(`{"id":"r1","status":"succeeded"}`)))
	if want := "---\ntype: succeeded\npath: a\nresult:\n  amount: 1.50\n---\nid: r1\nstatus: succeeded\n"; err != nil || out.String() != want {
		t.Errorf("%v: %q, want %q", err, out.String(), want)
	}
}
