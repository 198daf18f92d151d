package mysql

import (
	"fmt"
	"testing"

	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// TestAStatementIsPreparedOnceForAConnection: also one that failed for its values, and one
// whose table has changed, is right the next time.
func TestAStatementIsPreparedOnceForAConnection(t *testing.T) {
	o := openAt(t, mariadbtest.New(t).URL(), options, "CREATE TABLE a (id INT PRIMARY KEY, n INT)")
	prepared := func() (n int) {
		t.Helper()
		var name string
		must(t, o.conn.QueryRowContext(t.Context(), "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'").Scan(&name, &n))
		return n
	}
	insert := func(id int) error {
		_, err := o.conn.ExecContext(t.Context(), "INSERT INTO a (id, n) VALUES (?, ?)", id, id)
		return err
	}
	columns := func() int {
		t.Helper()
		rows, err := driver.Query(t.Context(), o.conn, "SELECT * FROM a WHERE id = ?", 3)
		must(t, err)
		return len(rows[0])
	}
	before := prepared()
	for id := range 5 {
		must(t, insert(id))
		if id > 2 && columns() != 2 {
			t.Error("the row has not two columns")
		}
	}
	if got := prepared() - before; got != 2 {
		t.Errorf("two statements were prepared %d times", got)
	}
	if f := o.Classify(insert(3), nil); f.Condition != driver.UniqueViolation {
		t.Errorf("a second row with one key: %+v", f)
	}
	must(t, insert(10))
	o.exec("ALTER TABLE a ADD m INT")
	if got := columns(); got != 3 {
		t.Errorf("after a column was added the row has %d", got)
	}
	// MariaDB may end itself when one such statement is run again.
	before = prepared()
	for range 3 {
		_, err := driver.Query(t.Context(), o.conn, "SELECT TABLE_NAME FROM Information_Schema.COLUMNS WHERE TABLE_NAME = ? ORDER BY ORDINAL_POSITION", "a")
		must(t, err)
	}
	if got := prepared() - before; got != 3 {
		t.Errorf("a statement that reads the schema was prepared %d times for 3 runs", got)
	}
	for i := range 2 * maxPrepared {
		text := fmt.Sprintf("SELECT %d + ?", i)
		rows, err := driver.Query(t.Context(), o.conn, text, 1)
		must(t, err)
		if got := fmt.Sprint(rows[0][0]); got != fmt.Sprint(i+1) {
			t.Fatalf("%s is %s", text, got)
		}
	}
	if got := o.text("SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT'"); len(got) > 2 {
		t.Errorf("%s statements are kept", got)
	}
}
