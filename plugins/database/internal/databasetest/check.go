package databasetest

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

func (s Suite) check(t *testing.T) {
	t.Run("a config is held against the database, which is not changed", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments, users)
		f.Exec(`INSERT INTO payments (id, stripe_id, amount) VALUES (1, 'a', 1)`)
		before := f.Dump()
		found := s.inspect(f, map[string]any{
			"tables": map[string]any{"payments": map[string]any{}, "users": map[string]any{"exclude": []string{"token"}}, "gone": map[string]any{}},
			"queries": map[string]any{
				"fine": map[string]any{"sql": "SELECT id FROM payments WHERE amount > :least"}, "raise": map[string]any{"sql": "UPDATE payments SET amount = :n WHERE id = :id", "write": true},
				"wrong": map[string]any{"sql": "SELECT nosuch FROM payments"},
			},
		},
			sdk.Use{Action: "insert", Params: json.RawMessage(`{"table":"payments","data":{"stripe_id":"{{input.id}}","amount":"{{input.n}}"}}`), Open: []string{"/data/stripe_id", "/data/amount"}},
			sdk.Use{Action: "update", Params: json.RawMessage(`{"table":"payments","key":"{{input.id}}","data":{"amonut":1}}`), Open: []string{"/key"}},
			sdk.Use{Action: "select", Params: json.RawMessage(`{"table":"users","filters":[{"column":"token","operator":"eq","value":"x"},{"column":"age","operator":"gt","value":"much"}]}`)},
			sdk.Use{Action: "upsert", Params: json.RawMessage(`{"table":"payments","data":{"stripe_id":"a","amount":1},"onConflict":["amount"]}`)},
			sdk.Use{Action: "delete", Params: json.RawMessage(`{"table":"orders","key":1}`)},
			sdk.Use{Action: "query", Params: json.RawMessage(`{"name":"fine","params":{"least":"{{input.n}}"}}`), Open: []string{"/params/least"}},
			sdk.Use{Action: "transaction", Params: json.RawMessage(of("insert", `{"table":"payments","data":{"stripe_id":"a","amount":1}}`, "insert", `{"table":"users","data":{"name":"{{results[0].id}}","agee":1}}`))},
		)
		for i, want := range []struct {
			use           int
			pointer, says string
		}{
			{sdk.OfCredentials, "/queries/wrong/sql", "nosuch"},
			{sdk.OfCredentials, "/tables/gone", "there is no table"},
			{1, "/data/amonut", `did you mean "amount"?`},
			{2, "/filters/0/column", `has no column "token"`},
			{2, "/filters/1/value", `column "age"`},
			{3, "/onConflict", "one unique key"},
			{4, "/table", "is closed"},
			{6, "/operations/1/params/data/agee", `did you mean "age"?`},
		} {
			if i >= len(found) {
				t.Fatalf("found %+v", found)
			}
			if got := found[i]; got.Use != want.use || got.Pointer != want.pointer || !strings.Contains(got.Message, want.says) {
				t.Errorf("found %+v, want %+v", got, want)
			}
		}
		if len(found) != 8 {
			t.Errorf("found %+v", found)
		}
		if after := f.Dump(); after != before {
			t.Errorf("the rows were\n%sand are\n%s", before, after)
		}
	})
	t.Run("a database without the table of keys gets none by a check", func(t *testing.T) {
		t.Parallel()
		f := &Fixture{T: t, Engine: s.Engine, Place: s.Fresh(t)}
		f.Exec(payments)
		if found := s.inspect(f, nil, sdk.Use{Action: "count", Params: json.RawMessage(`{"table":"payments"}`)}); len(found) != 0 {
			t.Errorf("found %+v", found)
		}
		tables, err := f.DB.Query(f.Engine.tables())
		must(t, err)
		defer func() { _ = tables.Close() }() // nothing was written
		n := 0
		for tables.Next() {
			n++
		}
		must(t, tables.Err())
		if _, err := f.DB.Exec(`SELECT idempotency_key FROM backflow_keys`); err == nil || n != 1 {
			t.Errorf("there are %d tables, and the one of keys: %v", n, err)
		}
	})
}

// inspect asks a plugin that looks only, those of the credentials first.
func (s Suite) inspect(f *Fixture, credentials map[string]any, uses ...sdk.Use) []sdk.UseFault {
	f.T.Helper()
	plugin := s.start(nil)
	entry := map[string]any{"url": f.URL}
	for name, value := range credentials {
		entry[name] = value
	}
	text, err := json.Marshal(entry)
	must(f.T, err)
	must(f.T, plugin.Configure(context.Background(), sdk.Config{Credentials: text, Inspect: true, BaseDir: f.Dir, DataDir: f.Dir}))
	found, err := plugin.(sdk.UseChecker).CheckUses(context.Background(), uses)
	must(f.T, err)
	if closer, ok := plugin.(io.Closer); ok {
		must(f.T, closer.Close())
	}
	slices.SortStableFunc(found, func(a, b sdk.UseFault) int {
		if a.Use != b.Use {
			return a.Use - b.Use
		}
		return strings.Compare(a.Pointer, b.Pointer)
	})
	return found
}
