package crash

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// wantEverythingOnce stops the clients and compares what they received with what
// took place: each accepted run ends succeeded with one customer and one payment,
// each call that got its response had one effect, each event made one row, and
// there is nothing else.
func (h *harness) wantEverythingOnce(t *testing.T, c *clients, g *program.Gateway) {
	t.Helper()
	c.close()
	for _, odd := range c.odd {
		t.Error(odd)
	}
	if t.Failed() {
		return
	}
	made := map[string]string{} // what it was made for, by id
	claim := func(id, by string) {
		if id == "" || made[id] != "" {
			t.Errorf("%s has %q, which was made for %q", by, id, made[id])
		}
		made[id] = by
	}
	for key, id := range c.runs {
		run := outcome(t, g, id)
		customer, payment := run.Text("steps.0.result.id"), run.Text("steps.1.result.id")
		if run.Text("status") != "succeeded" || run.Text("steps.1.result.customer") != customer {
			t.Errorf("%s: %s", key, run.Body)
		}
		claim(customer, key+"'s customer")
		claim(payment, key+"'s payment")
		sameAgain(t, g, orderRequest(key), id)
	}
	for key, id := range c.customers {
		claim(id, key)
		sameAgain(t, g, customerRequest(key), id)
	}
	byID, byKey := map[string]int{}, map[string]int{}
	for _, effect := range h.stripe.Effects() {
		byID[effect.ID]++
		byKey[effect.Key]++
		if made[effect.ID] == "" {
			t.Errorf("%s made %s, which no client received", effect.Operation, effect.ID)
		}
	}
	for id, by := range made {
		if byID[id] != 1 {
			t.Errorf("%s, %s, took effect %d times", by, id, byID[id])
		}
	}
	for key, n := range byKey {
		if n != 1 || key == "" {
			t.Errorf("the key %q had %d effects at Stripe", key, n)
		}
	}
	h.wantRows(t, c.events)
	t.Logf("%d orders, %d calls, %d events", len(c.runs), len(c.customers), len(c.events))
}

// sameAgain asks again with a key that was answered. A gateway that had lost its
// lease, or its Redis, answered without having stored the answer: then the first
// repeat calls the integration again, with the same key, and the second does not.
func sameAgain(t *testing.T, g *program.Gateway, r program.Request, id string) {
	t.Helper()
	answer := g.Do(r)
	if answer.Text("id") == id && answer.Header.Get("Idempotent-Replayed") != "true" {
		answer = g.Do(r)
	}
	if answer.Text("id") != id || answer.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s with the key of %s: %d %v %s", r.Path, id, answer.Status, answer.Header, answer.Body)
	}
}

// wantRows waits until each event has its row, and fails the test where one has
// two or a row has no event.
func (h *harness) wantRows(t *testing.T, events []string) {
	t.Helper()
	db := h.open(t, filepath.Join(h.Dir, "configs", "data", "app.db"))
	var rows map[string]int
	testkit.Eventually(t, 2*time.Minute, "each event has its row", func() bool {
		rows = countRows(t, db)
		return len(rows) >= len(events)
	})
	if len(rows) != len(events) {
		t.Errorf("%d rows for %d events", len(rows), len(events))
	}
	for _, id := range events {
		if n := rows["pi_of_"+id]; n != 1 {
			t.Errorf("event %s has %d rows", id, n)
		}
	}
}

func countRows(t *testing.T, db *sql.DB) map[string]int {
	t.Helper()
	rows, err := db.Query("SELECT stripe_id, count(*) FROM payments GROUP BY stripe_id")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			t.Fatal(err)
		}
		counts[id] = n
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return counts
}

// wantSoundFiles has SQLite check the files that kills left behind.
func (h *harness) wantSoundFiles(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.Dir, "configs", "data", "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	want := 2 // state and database
	if h.redis != nil {
		want = 1
	}
	if len(files) != want {
		t.Errorf("the files are %v, want %d", files, want)
	}
	for _, file := range files {
		var verdict string
		if err := h.open(t, file).QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("%s: %q, %v", file, verdict, err)
		}
	}
}

// open opens a database beside the gateway, until the test ends.
func (h *harness) open(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
