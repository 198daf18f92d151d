package statement

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/google/go-cmp/cmp"
)

// numbered is a syntax that differs from SQLite's wherever one can.
var numbered = driver.Syntax{
	Quote:       "`",
	Placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
	LockKey:     "CALL lock($1)",
	SkipLocked:  "PASS OVER LOCKED",
	DefaultRow:  "() VALUES ()",
	ForUpdate:   "FOR CHANGE",
	Upsert:      func(key, set []string) string { return fmt.Sprint("ON ", key, " SET ", set) },
}

// returning is one whose statements return rows.
var returning = func() driver.Syntax {
	s := numbered
	s.Returning = driver.Returning{Insert: true, Update: true, Delete: true}
	return s
}()

var payments = driver.Table{
	Name:       "pay`ments",
	Schema:     "shop",
	Columns:    []driver.Column{{Name: "id"}, {Name: "mode"}, {Name: "data", Read: "CAST(data AS TEXT)"}},
	PrimaryKey: []string{"mode", "id"},
}

func TestStatementsFollowTheSyntax(t *testing.T) {
	byKey := LocatorOf(&payments)
	insert := Insert(&returning, &payments, byKey, payments.Columns[1:], []any{"live", "{}"}, []any{"test", nil})
	if !cmp.Equal(insert.Values, []any{"live", "{}", "test", nil}) {
		t.Errorf("%v is inserted", insert.Values)
	}
	upsert := Upsert(&numbered, &payments, byKey, payments.Columns, []any{1, "live", "{}"}, payments.Columns[:2])
	named := [][]any{{"live", 1}, {"test", 2}}
	update := Update(&returning, &payments, byKey, named, payments.Columns[2:], []any{"{}"})
	if !cmp.Equal(update.Values, []any{"{}", "live", 1, "test", 2}) {
		t.Errorf("%v is bound", update.Values)
	}
	numberedRows := driver.Table{Name: "a", Columns: []driver.Column{{Name: "id", Nullable: true}}, RowID: "rowid", LastInserted: "id = last()"}
	byNumber := LocatorOf(&numberedRows)
	check := Condition{Column: payments.Columns[2], Test: IsNull}
	where := Condition{Column: payments.Columns[1], Test: Equal, Values: []any{"live"}}
	keys := ForKeys(&numbered, 16)
	for _, statement := range []struct{ got, want string }{
		{insert.String(), "INSERT INTO `shop`.`pay``ments` (`mode`, `data`) VALUES ($1, $2), ($3, $4) RETURNING `mode`, `id`, `id`, `mode`, CAST(data AS TEXT)"},
		{Insert(&numbered, &numberedRows, byNumber, nil, nil).String(), "INSERT INTO `a` () VALUES ()"},
		{upsert.String(), "INSERT INTO `shop`.`pay``ments` (`id`, `mode`, `data`) VALUES ($1, $2, $3) ON [`id` `mode`] SET [`data`]"},
		{Upsert(&numbered, &payments, byKey, payments.Columns[:1], []any{1}, payments.Columns[:1]).String(), "INSERT INTO `shop`.`pay``ments` (`id`) VALUES ($1) ON [`id`] SET [`id`]"},
		{LastInserted(&numbered, &numberedRows, byNumber).String(), "SELECT rowid, `id` FROM `a` WHERE id = last()"},
		{Lock(&numbered, &payments, byKey, []Condition{where}, []Condition{check}, payments.Columns[2:], 2).String(),
			"SELECT `mode`, `id`, CASE WHEN `data` IS NULL THEN 1 ELSE 0 END, CAST(data AS TEXT), 1 FROM `shop`.`pay``ments` WHERE `mode` = $1 ORDER BY `mode`, `id` LIMIT 2 FOR CHANGE"},
		{update.String(), "UPDATE `shop`.`pay``ments` SET `data` = $1 WHERE (`mode` = $2 AND `id` = $3) OR (`mode` = $4 AND `id` = $5) RETURNING `mode`, `id`, `id`, `mode`, CAST(data AS TEXT)"},
		{Update(&numbered, &numberedRows, byNumber, [][]any{{7}}, payments.Columns[:1], []any{1}).String(), "UPDATE `a` SET `id` = $1 WHERE rowid IN ($2)"},
		{UpdateWhere(&numbered, &payments, payments.Columns[2:], []any{"{}"}, []Condition{where}).String(), "UPDATE `shop`.`pay``ments` SET `data` = $1 WHERE `mode` = $2"},
		{Delete(&numbered, &numberedRows, byNumber, [][]any{{7}, {8}}).String(), "DELETE FROM `a` WHERE rowid IN ($1, $2)"},
		{Find(&numbered, &numberedRows, byNumber, [][]any{{7}}).String(), "SELECT rowid, `id` FROM `a` WHERE rowid IN ($1) FOR CHANGE"},
		{Upserted(&numbered, &payments, []Condition{where}).String(), "SELECT `id`, `mode`, CAST(data AS TEXT) FROM `shop`.`pay``ments` WHERE `mode` = $1 LIMIT 1 FOR CHANGE"},
		{First(&numbered, &payments, payments.Columns[:1], []Condition{where}, 2).String(), "SELECT `id` FROM `shop`.`pay``ments` WHERE `mode` = $1 LIMIT 2"},
		{First(&numbered, &driver.Table{Name: "a"}, nil, nil, 2).String(), "SELECT NULL FROM `a` LIMIT 2"},
		{CountTo(&numbered, &numberedRows, nil, 9).String(), "SELECT COUNT(*) FROM (SELECT 1 AS one FROM `a` LIMIT 9) AS found"},
		{keys.Lock, "CALL lock($1)"},
		{keys.Record, "INSERT INTO backflow_keys (idempotency_key, digest, result, recorded_at) VALUES ($1, $2, $3, $4)"},
		{keys.Oldest, "SELECT idempotency_key, recorded_at FROM backflow_keys ORDER BY recorded_at LIMIT 16"},
		{keys.Claim, "SELECT idempotency_key FROM backflow_keys WHERE idempotency_key = $1 PASS OVER LOCKED"},
		{keys.Remove, "DELETE FROM backflow_keys WHERE idempotency_key = $1"},
	} {
		if statement.got != statement.want {
			t.Errorf("got  %s\nwant %s", statement.got, statement.want)
		}
	}
}

// TestRowsAreToldApartByWhatIsNeverNull: a row's number, the primary key, an excluded one
// too, or another unique key.
func TestRowsAreToldApartByWhatIsNeverNull(t *testing.T) {
	id, email, name := driver.Column{Name: "id"}, driver.Column{Name: "email"}, driver.Column{Name: "name", Nullable: true}
	columns := []driver.Column{id, email, name}
	for _, c := range []struct {
		table driver.Table
		want  []driver.Column
	}{
		{driver.Table{Columns: columns, PrimaryKey: []string{"id"}, UniqueKeys: [][]string{{"id"}, {"email"}}}, []driver.Column{id}},
		{driver.Table{Columns: columns, UniqueKeys: [][]string{{"name"}, {"id", "name"}, {"email"}}}, []driver.Column{email}},
		{driver.Table{Columns: columns, UniqueKeys: [][]string{{"name"}}}, nil},
		{driver.Table{Columns: columns}, nil},
		{driver.Table{Columns: columns[1:], ExcludedKey: columns[:1]}, []driver.Column{id}},
	} {
		l := LocatorOf(&c.table)
		if !cmp.Equal(l.Columns(), c.want) || l.Len() != len(c.want) {
			t.Errorf("%+v: rows are told apart by %v", c.table, l.Columns())
		}
	}
	byID := LocatorOf(&driver.Table{Columns: columns, PrimaryKey: []string{"id"}})
	if !byID.ChangedBy(columns) || byID.ChangedBy(columns[1:]) || !cmp.Equal(byID.Moved([]any{1}, columns, []any{2, "a", "b"}), []any{2}) {
		t.Error("a change of the primary key is not one of what names the row")
	}
	if !LocatorOf(&driver.Table{Columns: columns, PrimaryKey: []string{"id"}, RowID: "rowid"}).ChangedBy(columns[:1]) {
		t.Error("a row's number may be in its primary key")
	}
}
