package databasetest

import (
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// schemaTime is longer than a plugin goes on with what it knows of a table that another
// program has changed.
const schemaTime = 5 * time.Second

func (s Suite) schemaChanges(t *testing.T) {
	t.Run("a new column is seen by itself, and one that is gone too", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		f.Call("first", "insert", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`)
		f.Exec(`ALTER TABLE payments ADD COLUMN extra {text}`)
		testkit.Eventually(t, schemaTime, "the new column is seen", func() bool {
			_, failed := f.Try("second", "insert", `{"table":"payments","data":{"stripe_id":"pi_2","amount":1,"extra":"x"}}`)
			return failed == nil
		})
		f.Exec(`ALTER TABLE payments DROP COLUMN note`)
		// A column that is gone is an error of the caller at once, whatever was known.
		if refused := f.Refuse("third", "insert", `{"table":"payments","data":{"stripe_id":"pi_3","amount":1,"note":"x"}}`); refused.Code != sdk.CodeInvalidParams {
			t.Errorf("%+v", refused)
		}
		testkit.Eventually(t, schemaTime, "the row is returned without it", func() bool {
			got, failed := f.Try("fourth", "insert", `{"table":"payments","data":{"id":9,"stripe_id":"pi_4","amount":1}}`)
			return failed == nil && f.same(got, `{"id":9,"stripe_id":"pi_4","amount":1,"extra":null}`)
		})
	})
	t.Run("a key keeps its result when the table has changed, or is gone", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		const params = `{"table":"payments","data":{"stripe_id":"pi_1","amount":1,"note":"n"}}`
		first := f.Call("key", "insert", params)
		for _, change := range []string{`ALTER TABLE payments ADD COLUMN extra {text}`, `ALTER TABLE payments DROP COLUMN note`, `DROP TABLE payments`} {
			f.Exec(change)
			if again := f.Call("key", "insert", params); again != first {
				t.Errorf("after %s: %s, first %s", change, again, first)
			}
		}
	})
}
