package databasetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// callers is how many call at the same time.
const callers = 12

// together calls an action by several callers at once, the call by the caller's number,
// and returns the results, empty where a call was refused, and the errors.
func (f *Fixture) together(call func(i int) (key, action, params string)) ([]string, []*sdk.Error) {
	results, failed := make([]string, callers), make([]*sdk.Error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			key, action, params := call(i)
			results[i], failed[i] = f.Try(key, action, params)
		})
	}
	group.Wait()
	return results, failed
}

func (s Suite) concurrent(t *testing.T) {
	t.Run("of those that want a row to be as it was, one changes it", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		results, failed := f.together(func(i int) (string, string, string) {
			return "", "update", fmt.Sprintf(`{"table":"orders","key":1,"data":{"status":"paid","note":"by %d"},"if":{"status":"open"}}`, i)
		})
		winner := -1
		for i, e := range failed {
			switch {
			case e == nil && winner < 0:
				winner = i
			case e == nil || e.Code != sdk.CodePreconditionFailed:
				t.Errorf("caller %d: %v %v, and %d has changed it", i, results[i], e, winner)
			}
		}
		if got, want := f.Scalar(`SELECT note FROM orders WHERE id = 1`), fmt.Sprintf("by %d", winner); got != want {
			t.Errorf("the note is %q, want %q", got, want)
		}
	})
	t.Run("of those that delete a row, one does", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		_, failed := f.together(func(int) (string, string, string) {
			return "", "delete", `{"table":"orders","filters":[{"column":"id","operator":"lte","value":2}],"maxAffected":2,"if":{"status":"open"}}`
		})
		for _, e := range failed {
			if e != nil {
				t.Error(e)
			}
		}
		if got := f.Scalar(`SELECT count(*) FROM orders`); got != "3" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("those that upsert a row that is not there make one", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE tags (name {text} PRIMARY KEY, uses {int})`)
		_, failed := f.together(func(i int) (string, string, string) {
			return "", "upsert", fmt.Sprintf(`{"table":"tags","data":{"name":"red","uses":%d},"onConflict":["name"]}`, i)
		})
		for _, e := range failed {
			if e != nil {
				t.Error(e)
			}
		}
		if got := f.Scalar(`SELECT count(*) FROM tags`); got != "1" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("calls with one key have one effect and one result", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t, `CREATE TABLE log (id {id}, line {text})`)
		for _, c := range [][2]string{
			{"insertMany", `{"table":"log","rows":[{"line":"a"},{"line":"b"}]}`},
			{"upsert", `{"table":"log","data":{"id":100,"line":"c"},"onConflict":["id"]}`},
			{"update", `{"table":"orders","key":1,"data":{"status":"paid"},"if":{"status":"open"}}`},
			{"delete", `{"table":"orders","key":2}`},
		} {
			results, failed := f.together(func(int) (string, string, string) { return "key of " + c[0], c[0], c[1] })
			for i, e := range failed {
				if e != nil || results[i] != results[0] {
					t.Errorf("%s: %s %v, and another one has %s", c[0], results[i], e, results[0])
				}
			}
		}
		if got := f.Scalar(`SELECT (SELECT count(*) FROM log) * 10 + (SELECT count(*) FROM orders)`); got != "34" {
			t.Errorf("rows: %s", got)
		}
	})
	t.Run("a row that another transaction changed meanwhile is returned as it is now", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t, `CREATE TABLE tags (name {text} PRIMARY KEY, uses {int})`)
		for _, c := range []struct{ other, action, params, want string }{
			{`INSERT INTO tags (name, uses) VALUES ('red', 5)`, "upsert", `{"table":"tags","data":{"name":"red","uses":5},"onConflict":["name"]}`, `{"name":"red","uses":5}`},
			{`UPDATE orders SET status = 'paid', note = 'theirs' WHERE id = 2`, "update", `{"table":"orders","key":2,"data":{"status":"paid"}}`,
				`{"affected":1,"data":[{"id":2,"status":"paid","amount":20,"note":"theirs","meta":null,"twice":40}]}`},
		} {
			got := make(chan string, 1)
			f.holding(c.other, func() {
				// The count comes before, so that the transaction has seen a state without it.
				go func() {
					got <- f.Call("", "transaction", `{"operations":[{"action":"count","params":{"table":"orders"}},{"action":"`+c.action+`","params":`+c.params+`}]}`)
				}()
				f.eventuallyBlocked()
			})
			if body := <-got; !strings.HasSuffix(body, "]}") || !f.same(body, `{"results":[{"count":5},`+c.want+`]}`) {
				t.Errorf("%s returned %s, want %s", c.action, body, c.want)
			}
		}
	})
}

// holding runs a function while a statement of another transaction is not yet committed.
func (f *Fixture) holding(statement string, run func()) {
	f.T.Helper()
	conn, err := f.DB.Conn(context.Background())
	must(f.T, err)
	defer func() { must(f.T, conn.Close()) }()
	for _, text := range []string{map[string]string{SQLite: "BEGIN IMMEDIATE", PostgreSQL: "BEGIN", MariaDB: "START TRANSACTION"}[f.Engine.Name], statement} {
		_, err := conn.ExecContext(context.Background(), f.Engine.SQL(text))
		must(f.T, err)
	}
	run()
	_, err = conn.ExecContext(context.Background(), "COMMIT")
	must(f.T, err)
}

// eventuallyBlocked waits until a transaction in the database waits for another one. In
// SQLite it waits before it has begun, which cannot be seen.
func (f *Fixture) eventuallyBlocked() {
	f.T.Helper()
	query := map[string]string{
		PostgreSQL: `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
		// Who waits for whom is for administrators to see; what is being executed is not.
		MariaDB: `SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id() AND (info LIKE 'INSERT INTO%' OR info LIKE '%FOR UPDATE')`,
	}[f.Engine.Name]
	if query == "" {
		return
	}
	testkit.Eventually(f.T, 10*time.Second, "a transaction waits for another one", func() bool { return f.Scalar(query) != "0" })
}
