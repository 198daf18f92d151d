package databasetest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/sdk"
)

// kind is a type of column, and what values it takes.
type kind struct {
	// sql is the type in each of these databases, empty where it has none.
	sqlite, postgres, mariadb string
	// value draws a value as JSON.
	value func(t *rapid.T) string
	// same reports whether what was returned, decoded with numbers as they are written, is
	// the value that was sent.
	same func(sent, got any) bool
}

func (k kind) sql(e Engine) string { return []string{k.sqlite, k.postgres, k.mariadb}[e.index()] }

// oddNames end names of tables and columns: whatever a database allows in a name, it is one.
var oddNames = []string{"", "", "", ` two words`, `"`, "`", `'`, `;--`, `$1`, `?`, `%s`, `\`, `{{x}}`, `/*`, `:n`, `ключ`, `A`, `.b`, `,`, `*`, `->>`, `(x)`}

// property: what was inserted into a table, whatever its columns are, comes back equal.
func (s Suite) property(t *testing.T) {
	f := s.New(t)
	var available []kind
	for _, k := range kinds {
		if k.sql(s.Engine) != "" {
			available = append(available, k)
		}
	}
	var tables atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SliceOfN(rapid.SampledFrom(available), 1, 6).Draw(t, "columns")
		table := fmt.Sprint("t", tables.Add(1), rapid.SampledFrom(oddNames).Draw(t, "name"))
		names, ddl := make([]string, len(columns)), "CREATE TABLE "+s.Quoted(table)+" (id {id}"
		for i, column := range columns {
			names[i] = fmt.Sprint("c", i, rapid.SampledFrom(oddNames).Draw(t, "column"))
			ddl += ", " + s.Quoted(names[i]) + " " + column.sql(s.Engine)
		}
		if _, err := f.DB.Exec(s.SQL(ddl) + ")"); err != nil {
			t.Fatalf("%s: %v", ddl, err)
		}
		for id := range rapid.IntRange(1, 2).Draw(t, "rows") {
			// What an update puts there comes back equal too.
			for _, action := range []string{"insert", "update"} {
				sent := map[string]json.RawMessage{}
				for i, column := range columns {
					sent[names[i]] = json.RawMessage(rapid.OneOf(rapid.Just("null"), rapid.Custom(column.value), rapid.Custom(column.value), rapid.Custom(column.value)).Draw(t, "value"))
				}
				params := map[string]any{"table": table, "data": sent}
				var returned map[string]json.RawMessage
				if action == "insert" {
					sent["id"] = fmt.Append(nil, id+1)
					returned = f.draw(t, action, params)
				} else {
					params["key"] = fmt.Sprint(id + 1)
					returned = only(t, f.draw(t, action, params))
				}
				for i, column := range columns {
					if a, b := decode(t, sent[names[i]]), decode(t, returned[names[i]]); a != nil && b != nil && !column.same(a, b) || (a == nil) != (b == nil) {
						t.Fatalf("%s of %s: sent %s, returned %s", action, column.sql(s.Engine), sent[names[i]], returned[names[i]])
					}
				}
				found := []any{map[string]any{"column": "id", "operator": "eq", "value": id + 1}}
				for read, row := range map[string]map[string]json.RawMessage{
					"get":    f.draw(t, "get", map[string]any{"table": table, "key": fmt.Sprint(id + 1)}),
					"select": only(t, f.draw(t, "select", map[string]any{"table": table, "filters": found})),
				} {
					if !maps.EqualFunc(row, returned, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
						t.Fatalf("%s returned %s, and %s %s", action, returned, read, row)
					}
				}
			}
		}
	})
}

// only is the one row of a result.
func only(t *rapid.T, result map[string]json.RawMessage) map[string]json.RawMessage {
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(result["data"], &rows); err != nil || len(rows) != 1 {
		t.Fatalf("rows %s, %v", result["data"], err)
	}
	return rows[0]
}

// draw calls an action that has to succeed, and returns the members of its result.
func (f *Fixture) draw(t *rapid.T, action string, params map[string]any) map[string]json.RawMessage {
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.Plugin.Execute(context.Background(), sdk.Call{Action: action, Params: text})
	if err != nil {
		failed, _ := errors.AsType[*sdk.Error](err)
		t.Fatalf("%s %s: %v %+v", action, text, err, failed)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(result.Body, &members); err != nil {
		t.Fatalf("%s %s returned %s: %v", action, text, result.Body, err)
	}
	return members
}

func decode(t *rapid.T, text json.RawMessage) any {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return value
}

// sameNumber compares numbers, or texts of numbers, by what they are worth.
func sameNumber(sent, got any) bool {
	a, okA := new(big.Rat).SetString(fmt.Sprint(sent))
	b, okB := new(big.Rat).SetString(fmt.Sprint(got))
	return okA && okB && a.Cmp(b) == 0
}

// sameValue compares JSON, numbers by what they are worth.
func sameValue(sent, got any) bool {
	switch a := sent.(type) {
	case json.Number:
		b, ok := got.(json.Number)
		return ok && sameNumber(a, b)
	case []any:
		b, ok := got.([]any)
		return ok && slices.EqualFunc(a, b, sameValue)
	case map[string]any:
		b, ok := got.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, member := range a {
			if other, ok := b[name]; !ok || !sameValue(member, other) {
				return false
			}
		}
		return true
	}
	return sent == got
}

func sameSingle(sent, got any) bool {
	a, failedA := strconv.ParseFloat(fmt.Sprint(sent), 32)
	b, failedB := strconv.ParseFloat(fmt.Sprint(got), 32)
	return failedA == nil && failedB == nil && a == b
}

// sameTime compares instants. What is returned is in UTC.
func sameTime(sent, got any) bool {
	a, failedA := time.Parse(time.RFC3339Nano, fmt.Sprint(sent))
	b, failedB := time.Parse(time.RFC3339Nano, fmt.Sprint(got))
	return failedA == nil && failedB == nil && a.Equal(b) && strings.HasSuffix(fmt.Sprint(got), "Z")
}

func integers(low, high int64) func(t *rapid.T) string {
	return func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(low, high).Draw(t, "integer")) }
}

// decimals draws numbers with so many digits before and after the point, as numbers or as
// texts.
func decimals(before, after int) func(t *rapid.T) string {
	return func(t *rapid.T) string {
		text := rapid.StringMatching(fmt.Sprintf(`-?(0|[1-9][0-9]{0,%d})(\.[0-9]{1,%d})?`, before-1, after)).Draw(t, "decimal")
		if rapid.Bool().Draw(t, "quoted") {
			return strconv.Quote(text)
		}
		return text
	}
}

func doubles(t *rapid.T) string {
	value := rapid.Float64().Filter(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) && (v == 0 || math.Abs(v) > 1e-300) }).Draw(t, "double")
	if value == math.Trunc(value) && math.Abs(value) > 1<<53 { // an integer that is no double is refused
		value = 0.5
	}
	text, _ := json.Marshal(value) // it is finite
	return string(text)
}

func singles(t *rapid.T) string {
	value := rapid.Float32().Filter(func(v float32) bool {
		return !math.IsInf(float64(v), 0) && v == v && (v == 0 || math.Abs(float64(v)) > 1e-30) && math.Abs(float64(v)) < 1<<24
	}).Draw(t, "single")
	text, _ := json.Marshal(value) // it is finite
	return string(text)
}

func quoted(text string) string {
	quoted, _ := json.Marshal(text) // a text always can be
	return string(quoted)
}

func texts(most int) func(t *rapid.T) string {
	return func(t *rapid.T) string {
		return quoted(strings.ReplaceAll(rapid.StringN(0, most, -1).Draw(t, "text"), "\x00", "␀"))
	}
}

func blobs(t *rapid.T) string {
	return quoted(base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "bytes")))
}

func booleans(t *rapid.T) string { return strconv.FormatBool(rapid.Bool().Draw(t, "boolean")) }

// times draws instants between two years, to the microsecond, in some zone.
func times(first, last int) func(t *rapid.T) string {
	return func(t *rapid.T) string {
		low, high := time.Date(first, 1, 2, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(last, 12, 30, 0, 0, 0, 0, time.UTC).UnixMicro()
		zone := time.FixedZone("", 60*rapid.IntRange(-12*60, 14*60).Draw(t, "zone"))
		instant := time.UnixMicro(rapid.Int64Range(low, high).Draw(t, "instant")).In(zone)
		return quoted(instant.Format("2006-01-02T15:04:05.999999Z07:00"))
	}
}

func dates(t *rapid.T) string {
	return quoted(time.Unix(86400*rapid.Int64Range(-354000, 2932000).Draw(t, "day"), 0).UTC().Format(time.DateOnly))
}

func uuids(t *rapid.T) string {
	return quoted(rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "uuid"))
}

func list(element func(t *rapid.T) string) func(t *rapid.T) string {
	return func(t *rapid.T) string {
		items := rapid.SliceOfN(rapid.OneOf(rapid.Just("null"), rapid.Custom(element), rapid.Custom(element)), 0, 4).Draw(t, "items")
		return "[" + strings.Join(items, ",") + "]"
	}
}

// anyJSON draws JSON of little depth. Null is that of the column.
func anyJSON(t *rapid.T) string {
	scalar := func(t *rapid.T) string {
		return rapid.OneOf(rapid.Custom(texts(20)), rapid.Custom(booleans), rapid.Custom(integers(math.MinInt64, math.MaxInt64)),
			rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})\.[0-9]{1,12}`)).Draw(t, "scalar")
	}
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return list(scalar)(t)
	case 1, 2:
		members := rapid.SliceOfNDistinct(rapid.Custom(texts(8)), 0, 4, rapid.ID[string]).Draw(t, "members")
		for i, name := range members {
			members[i] = name + ":" + rapid.OneOf(rapid.Just("null"), rapid.Custom(scalar), rapid.Custom(list(scalar))).Draw(t, "member")
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	return quoted(strings.ReplaceAll(rapid.StringN(0, 20, -1).Draw(t, "text"), "\x00", "␀"))
}

// kinds are the types of columns of the databases.
var kinds = []kind{
	{sqlite: "INTEGER", postgres: "BIGINT", mariadb: "BIGINT", value: integers(math.MinInt64, math.MaxInt64), same: sameValue},
	{sqlite: "TEXT", postgres: "TEXT", mariadb: "LONGTEXT", value: texts(100), same: sameValue},
	{sqlite: "VARCHAR(255)", postgres: "VARCHAR(255)", mariadb: "VARCHAR(255)", value: texts(60), same: sameValue},
	{sqlite: "REAL", postgres: "DOUBLE PRECISION", mariadb: "DOUBLE", value: doubles, same: sameValue},
	{sqlite: "BLOB", postgres: "BYTEA", mariadb: "LONGBLOB", value: blobs, same: sameValue},
	{sqlite: "BOOLEAN", postgres: "BOOLEAN", mariadb: "BOOLEAN", value: booleans, same: sameValue},
	{sqlite: "JSON", postgres: "JSONB", mariadb: "JSON", value: anyJSON, same: sameValue},
	{postgres: "JSON", value: anyJSON, same: sameValue},
	{postgres: "DECIMAL(20,4)", mariadb: "DECIMAL(20,4)", value: decimals(16, 4), same: sameNumber},
	{postgres: "NUMERIC", mariadb: "DECIMAL(65,30)", value: decimals(35, 30), same: sameNumber},
	{postgres: "SMALLINT", mariadb: "SMALLINT", value: integers(math.MinInt16, math.MaxInt16), same: sameValue},
	{sqlite: "INT", postgres: "INTEGER", mariadb: "INT", value: integers(math.MinInt32, math.MaxInt32), same: sameValue},
	{mariadb: "INT UNSIGNED", value: integers(0, math.MaxUint32), same: sameValue},
	{mariadb: "BIGINT UNSIGNED", value: func(t *rapid.T) string { return fmt.Sprint(rapid.Uint64().Draw(t, "unsigned")) }, same: sameValue},
	{postgres: "REAL", mariadb: "FLOAT", value: singles, same: sameSingle},
	{sqlite: "TIMESTAMP", postgres: "TIMESTAMPTZ", mariadb: "DATETIME(6)", value: times(1000, 9998), same: sameTime},
	{postgres: "TIMESTAMP", mariadb: "TIMESTAMP(6) NULL", value: times(1971, 2037), same: sameTime},
	{sqlite: "DATE", postgres: "DATE", mariadb: "DATE", value: dates, same: sameValue},
	{sqlite: "UUID", postgres: "UUID", mariadb: "UUID", value: uuids, same: sameValue},
	{postgres: "BIGINT[]", value: list(integers(math.MinInt64, math.MaxInt64)), same: sameValue},
	{postgres: "TEXT[]", value: list(texts(20)), same: sameValue},
	{postgres: "BOOLEAN[]", value: list(booleans), same: sameValue},
	{mariadb: "ENUM('small','large','it''s \"odd\"')", value: func(t *rapid.T) string {
		return quoted(rapid.SampledFrom([]string{"small", "large", `it's "odd"`}).Draw(t, "member"))
	}, same: sameValue},
}
