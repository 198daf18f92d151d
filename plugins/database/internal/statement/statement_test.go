package statement

import (
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
	DefaultRow:  "() VALUES ()",
}

var payments = driver.Table{
	Name:       "pay`ments",
	Schema:     "shop",
	Columns:    []driver.Column{{Name: "id"}, {Name: "mode"}, {Name: "data", Read: "CAST(data AS TEXT)"}},
	PrimaryKey: []string{"mode", "id"},
}

func TestStatementsFollowTheSyntax(t *testing.T) {
	reread := LastInserted(&numbered, &payments, []any{1, "live", nil})
	if !cmp.Equal(reread.Values, []any{"live", 1}) {
		t.Errorf("the values of the key are %v", reread.Values)
	}
	byCondition := driver.Table{Name: "a", Columns: payments.Columns[:1], LastInserted: "id = last()"}
	unbound := LastInserted(&numbered, &byCondition, []any{1})
	if unbound.Values != nil {
		t.Errorf("%v is bound for a condition", unbound.Values)
	}
	if LastInserted(&numbered, &driver.Table{Name: "a"}, nil) != nil {
		t.Error("a row without a key is found again")
	}
	insert := Insert(&numbered, &payments, payments.Columns[1:], []any{"live", "{}"})
	if !cmp.Equal(insert.Values, []any{"live", "{}"}) {
		t.Errorf("%v is inserted", insert.Values)
	}
	keys := ForKeys(&numbered, 16)
	for _, statement := range []struct{ got, want string }{
		{insert.String(), "INSERT INTO `shop`.`pay``ments` (`mode`, `data`) VALUES ($1, $2) RETURNING `id`, `mode`, CAST(data AS TEXT)"},
		{Insert(&numbered, &byCondition, nil, nil).String(), "INSERT INTO `a` () VALUES () RETURNING `id`"},
		{reread.String(), "SELECT `id`, `mode`, CAST(data AS TEXT) FROM `shop`.`pay``ments` WHERE `mode` = $1 AND `id` = $2"},
		{unbound.String(), "SELECT `id` FROM `a` WHERE id = last()"},
		{keys.Lock, "CALL lock($1)"},
		{keys.Record, "INSERT INTO backflow_keys (idempotency_key, digest, result, recorded_at) VALUES ($1, $2, $3, $4)"},
		{keys.Stale, "SELECT idempotency_key FROM backflow_keys WHERE recorded_at < $1 ORDER BY recorded_at LIMIT 16"},
	} {
		if statement.got != statement.want {
			t.Errorf("got  %s\nwant %s", statement.got, statement.want)
		}
	}
}
