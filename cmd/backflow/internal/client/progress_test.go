package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestARunThatDidNotSucceedIsAnError(t *testing.T) {
	for status, want := range map[string]string{"failed": "the run failed", "cancelled": "the run was cancelled"} {
		show := Progress{W: &bytes.Buffer{}}
		if err := show.Outcome(fmt.Appendf(nil, `{"status":%q}`, status)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", status, err)
		}
	}
}
