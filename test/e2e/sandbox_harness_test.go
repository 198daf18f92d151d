package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// everyEvent is a webhook action that inserts a row for each event, before those of the
// example.
const everyEvent = `"actions": [{
      "type": "database", "action": "insert",
      "params": { "table": "received", "data": {
        "event_id": "{{payload.id}}", "type": "{{payload.type}}", "object_id": "{{payload.data.object.id ?? 'none'}}"
      } }
    }, {`

const everyEventTable = `-- +goose Up
CREATE TABLE received (id INTEGER PRIMARY KEY, event_id TEXT NOT NULL, type TEXT NOT NULL, object_id TEXT NOT NULL);
-- +goose Down
DROP TABLE received;
`

// box is a gateway of `dev` that began in an empty folder: Stripe is the sandbox, and
// every event of it becomes a row.
type box struct {
	*harness
	*program.Gateway
	t *testing.T
}

// newBox starts a gateway whose Stripe is a new sandbox.
func newBox(t *testing.T) *box {
	t.Helper()
	b := &box{harness: newHarness(t, "stripe.json"), t: t}
	migration := filepath.Join(b.Dir, "configs", "migrations", "0002_received.sql")
	if err := os.WriteFile(migration, []byte(everyEventTable), 0o600); err != nil {
		t.Fatal(err)
	}
	b.edits = append(b.edits, program.Edit{Old: `"actions": [{`, New: everyEvent})
	b.WriteExample(b.store, b.edits...)
	b.Gateway = b.Dev()
	return b
}

// in returns the box for use in a subtest.
func (b *box) in(t *testing.T) *box {
	here := *b
	here.t, here.Gateway = t, b.Gateway.In(t)
	return &here
}

// call calls an endpoint of Stripe's actions, and returns the object.
func (b *box) call(path string, params map[string]any, header ...string) program.Response {
	b.t.Helper()
	return program.Want(b.t, 200, b.post(path, params, header...))
}

// post is call for any status.
func (b *box) post(path string, params map[string]any, header ...string) program.Response {
	b.t.Helper()
	body, err := json.Marshal(params)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Post("/integrations/stripe"+path, string(body), header...)
}

// get reads an object of Stripe's.
func (b *box) get(path string) program.Response {
	b.t.Helper()
	return program.Want(b.t, 200, b.Get("/integrations/stripe"+path))
}

// sandbox runs `backflow sandbox` and returns what it prints as JSON.
func (b *box) sandbox(args ...string) program.Response {
	b.t.Helper()
	code, out, errs := b.Run(append(append([]string{"sandbox"}, args...), "-o", "json")...)
	if code != 0 {
		b.t.Fatalf("sandbox %s: exit code %d: %s", args, code, errs)
	}
	return program.Response{Body: []byte(out)}
}

// advanced moves the time of the sandbox, and returns the events that came of it.
func (b *box) advanced(args ...string) map[string]int {
	b.t.Helper()
	var moved struct{ Events map[string]int }
	if err := json.Unmarshal(b.sandbox(append([]string{"advance"}, args...)...).Body, &moved); err != nil {
		b.t.Fatal(err)
	}
	return moved.Events
}

// event is what is known of an event.
type event struct{ id, kind, object string }

// sent lists the events that the sandbox has made, the oldest first.
func (b *box) sent() []event {
	b.t.Helper()
	var events []event
	for after := ""; ; {
		page := b.get("/events?limit=100" + after)
		data, _ := page.Field("data").([]any)
		for i := range data {
			at := fmt.Sprintf("data.%d.", i)
			e := event{page.Text(at + "id"), page.Text(at + "type"), page.Text(at + "data.object.id")}
			if e.object == "" {
				e.object = "none"
			}
			events = append(events, e)
		}
		if page.Field("has_more") != true {
			slices.Reverse(events)
			return events
		}
		after = "&starting_after=" + url.QueryEscape(events[len(events)-1].id)
	}
}

// rows reads the rows of the events, in their order.
func (b *box) rows() []event {
	b.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.Dir, ".backflow", "app.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // nothing was written
	rows, err := db.Query("SELECT event_id, type, object_id FROM received ORDER BY id")
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // Err is asked below
	var found []event
	for rows.Next() {
		var e event
		if err := rows.Scan(&e.id, &e.kind, &e.object); err != nil {
			b.t.Fatal(err)
		}
		found = append(found, e)
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return found
}

// settle waits until each event that the sandbox has made has its row, and its run has
// ended. It fails the test where one has two, where a row has no event, and where a run
// has failed. It returns the events.
func (b *box) settle() []event {
	b.t.Helper()
	sent := b.sent()
	testkit.Eventually(b.t, time.Minute, fmt.Sprintf("%d events have their rows", len(sent)), func() bool { return len(b.rows()) >= len(sent) })
	testkit.Eventually(b.t, time.Minute, "the runs of the events have ended", func() bool {
		return string(program.Want(b.t, 200, b.Get("/runs?status=queued,running,waiting")).Body) == noRuns
	})
	if failed := program.Want(b.t, 200, b.Get("/runs?status=failed,cancelled")); string(failed.Body) != noRuns {
		b.t.Errorf("runs have failed: %s", failed.Body)
	}
	rows := map[string]int{}
	for _, row := range b.rows() {
		rows[fmt.Sprint(row)]++
	}
	for _, e := range sent {
		if n := rows[fmt.Sprint(e)]; n != 1 {
			b.t.Errorf("%v has %d rows, want 1", e, n)
		}
		delete(rows, fmt.Sprint(e))
	}
	if len(rows) > 0 {
		b.t.Errorf("rows of no event: %v", rows)
	}
	return sent
}

// noRuns is an empty list.
const noRuns = `{"data":[],"nextCursor":null}`

// of returns the kinds of the events about an object, each as often as there are.
func of(events []event, object string) []string {
	var kinds []string
	for _, e := range events {
		if e.object == object {
			kinds = append(kinds, e.kind)
		}
	}
	return kinds
}

// counts writes how often each kind is there.
func counts(kinds []string) string {
	n := map[string]int{}
	for _, kind := range kinds {
		n[kind]++
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", kind, n[kind]))
	}
	return strings.Join(parts, ", ")
}
