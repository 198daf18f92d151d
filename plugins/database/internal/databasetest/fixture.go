package databasetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// Fixture is a configured plugin over a database of its own, and a connection to look at
// the database beside it. Its methods fail the test; those that call the plugin may be
// called from several goroutines.
type Fixture struct {
	Place
	T      testing.TB
	Engine Engine
	Plugin sdk.Plugin
	// Clock is the time by which keys grow old.
	Clock *testkit.Clock

	results map[string]*jsonschema.Schema
	params  map[string]*jsonschema.Schema
}

// New makes tables and configures a plugin with the url alone.
func (s Suite) New(t testing.TB, ddl ...string) *Fixture {
	t.Helper()
	return s.NewWith(t, nil, ddl...)
}

// NewWith is New with further members of the credentials.
func (s Suite) NewWith(t testing.TB, credentials map[string]any, ddl ...string) *Fixture {
	t.Helper()
	f := &Fixture{
		T: t, Engine: s.Engine, Place: s.Fresh(t), Clock: testkit.NewClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
		results: map[string]*jsonschema.Schema{}, params: map[string]*jsonschema.Schema{},
	}
	f.Exec(ddl...)
	f.Plugin = s.start(f.Clock.Now)
	manifest := f.Plugin.Manifest()
	for _, action := range manifest.Actions {
		f.results[action.Name] = compile(t, action.Result)
		f.params[action.Name] = compile(t, action.Params)
	}
	entry := map[string]any{"url": f.URL}
	for name, value := range credentials {
		entry[name] = value
	}
	text, err := json.Marshal(entry)
	must(t, err)
	if err := compile(t, manifest.Credentials).Validate(parse(t, string(text))); err != nil {
		t.Fatalf("credentials: %v", err)
	}
	must(t, f.Plugin.Configure(context.Background(), sdk.Config{Credentials: text, BaseDir: f.Dir, DataDir: f.Dir}))
	t.Cleanup(func() {
		if closer, ok := f.Plugin.(io.Closer); ok {
			if err := closer.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, text string) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// compiled are the schemas by their text: every fixture has the same.
var compiled sync.Map

func compile(t testing.TB, schema json.RawMessage) *jsonschema.Schema {
	t.Helper()
	if known, ok := compiled.Load(string(schema)); ok {
		return known.(*jsonschema.Schema)
	}
	compiler := jsonschema.NewCompiler()
	must(t, compiler.AddResource("schema.json", parse(t, string(schema))))
	made, err := compiler.Compile("schema.json")
	must(t, err)
	compiled.Store(string(schema), made)
	return made
}

// Exec runs statements beside the plugin, in the engine's own words: see Engine.SQL.
func (f *Fixture) Exec(statements ...string) {
	f.T.Helper()
	for _, statement := range statements {
		if _, err := f.DB.Exec(f.Engine.SQL(statement)); err != nil {
			f.T.Fatalf("%s: %v", f.Engine.SQL(statement), err)
		}
	}
}

// Scalar is the one value of a query, as text, in the engine's own words; NULL is "NULL".
func (f *Fixture) Scalar(query string) string {
	f.T.Helper()
	var value sql.NullString
	if err := f.DB.QueryRow(f.Engine.SQL(query)).Scan(&value); err != nil {
		f.T.Fatalf("%s: %v", f.Engine.SQL(query), err)
	}
	if !value.Valid {
		return "NULL"
	}
	return value.String
}

// Try calls an action, under a key if that is not empty. A result fits the schema that
// the plugin publishes, and an error is an *sdk.Error.
func (f *Fixture) Try(key, action, params string) (string, *sdk.Error) {
	f.T.Helper()
	result, err := f.Plugin.Execute(context.Background(), sdk.Call{Action: action, Params: json.RawMessage(params), IdempotencyKey: key})
	if err != nil {
		failed, ok := errors.AsType[*sdk.Error](err)
		if !ok {
			f.T.Errorf("%s %s: error of type %T: %v", action, shortened(params), err, err)
			failed = &sdk.Error{Message: err.Error()}
		}
		return "", failed
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(result.Body)))
	if err == nil {
		err = f.results[action].Validate(value)
	}
	if err == nil {
		err = f.params[action].Validate(parse(f.T, params))
	}
	if err != nil {
		f.T.Errorf("%s %s returned %s: %v", action, shortened(params), shortened(string(result.Body)), err)
	}
	return string(result.Body), nil
}

// Call is Try that must succeed.
func (f *Fixture) Call(key, action, params string) string {
	f.T.Helper()
	body, failed := f.Try(key, action, params)
	if failed != nil {
		f.T.Errorf("%s %s: %v %s", action, shortened(params), failed, failed.Details)
	}
	return body
}

// Refuse is Try that must be refused without effect: no row of any table and no key is
// other than it was.
func (f *Fixture) Refuse(key, action, params string) *sdk.Error {
	f.T.Helper()
	before := f.Dump()
	body, failed := f.Try(key, action, params)
	if failed == nil {
		f.T.Errorf("%s %s: returned %s, must be refused", action, shortened(params), shortened(body))
		return &sdk.Error{}
	}
	if failed.Outcome != sdk.OutcomeNotExecuted {
		f.T.Errorf("%s %s: outcome %q", action, shortened(params), failed.Outcome)
	}
	if after := f.Dump(); after != before {
		f.T.Errorf("%s %s was refused, and the rows were\n%sand are\n%s", action, shortened(params), before, after)
	}
	return failed
}

// Dump is every row of every table, and of every key, as text.
func (f *Fixture) Dump() string {
	f.T.Helper()
	rows, err := f.DB.Query(f.Engine.tables())
	must(f.T, err)
	defer func() { _ = rows.Close() }() // nothing was written
	names := []string{}
	for rows.Next() {
		var name string
		must(f.T, rows.Scan(&name))
		names = append(names, name)
	}
	must(f.T, rows.Err())
	var dump strings.Builder
	for _, name := range names {
		fmt.Fprintf(&dump, "%q: %s\n", name, strings.Join(f.rows("SELECT * FROM "+f.Engine.Quoted(name)), "; "))
	}
	fmt.Fprintf(&dump, "keys: %s\n", strings.Join(f.rows("SELECT idempotency_key, digest, result FROM backflow_keys"), "; "))
	return dump.String()
}

// rows are the rows of a query as texts, in the order of the texts. A long value is its
// digest there.
func (f *Fixture) rows(query string) []string {
	f.T.Helper()
	rows, err := f.DB.Query(query)
	if err != nil {
		f.T.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }() // nothing was written
	columns, err := rows.Columns()
	must(f.T, err)
	var found []string
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		must(f.T, rows.Scan(places...))
		texts := make([]string, len(values))
		for i, value := range values {
			text := fmt.Sprint(value)
			if bytes, ok := value.([]byte); ok {
				text = string(bytes)
			}
			if len(text) > 1<<10 {
				text = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
			}
			texts[i] = strconv.Quote(text)
		}
		found = append(found, strings.Join(texts, ","))
	}
	must(f.T, rows.Err())
	slices.Sort(found)
	return found
}

// shortened is a text for a message.
func shortened(text string) string {
	const most = 300
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:most], len(text))
}

// same reports whether two JSON texts say the same, numbers as written, members in any
// order.
func (f *Fixture) same(a, b string) bool {
	f.T.Helper()
	return reflect.DeepEqual(parse(f.T, a), parse(f.T, b))
}
