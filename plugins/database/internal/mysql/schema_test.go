package mysql

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

func TestATableIsWhatTheServerSaysOfIt(t *testing.T) {
	o := open(t,
		"CREATE TABLE customers (id INT PRIMARY KEY, `na``me` VARCHAR(20))",
		"CREATE TABLE Orders ("+
			"id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, customer INT NOT NULL, code VARCHAR(20), region CHAR(2), title VARCHAR(100) NOT NULL DEFAULT 'a',"+
			" paid BOOLEAN, flag BIT(1), flags BIT(9), tags JSON, `o``dd` LONGTEXT CHECK (json_valid(`o``dd`)), plain LONGTEXT,"+
			" total DECIMAL(10,2) CHECK (total > 0), twice DECIMAL(11,2) AS (total * 2), kept INT AS (customer + 1) STORED, hidden INT INVISIBLE, small SMALLINT UNSIGNED,"+
			" UNIQUE KEY of_code (region, code), UNIQUE KEY of_title (title(5)), KEY no_key (paid), CONSTRAINT enough CHECK (total < 1000 OR code = 'it''s'),"+
			" CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id))",
		"CREATE VIEW paid AS SELECT id, total FROM Orders WHERE paid",
		"CREATE TABLE old (id INT PRIMARY KEY) ENGINE = MyISAM",
		"CREATE TRIGGER on_customers BEFORE INSERT ON customers FOR EACH ROW SET NEW.id = NEW.id",
	)
	table := o.table("Orders")
	var shown []string
	for _, c := range table.Columns {
		shown = append(shown, fmt.Sprintf("%s %s kind %d generated %t nullable %t narrow %t", c.Name, c.Type, c.Kind, c.Generated, c.Nullable, c.Narrow))
	}
	want := []string{
		"id bigint(20) unsigned kind 1 generated false nullable false narrow false",
		"customer int(11) kind 1 generated false nullable false narrow true",
		"code varchar(20) kind 4 generated false nullable true narrow false",
		"region char(2) kind 4 generated false nullable true narrow false",
		"title varchar(100) kind 4 generated false nullable false narrow false",
		"paid tinyint(1) kind 6 generated false nullable true narrow false",
		"flag bit(1) kind 6 generated false nullable true narrow false",
		"flags bit(9) kind 1 generated false nullable true narrow true",
		"tags longtext kind 7 generated false nullable true narrow false",
		"o`dd longtext kind 7 generated false nullable true narrow false",
		"plain longtext kind 4 generated false nullable true narrow false",
		"total decimal(10,2) kind 3 generated false nullable true narrow false",
		"twice decimal(11,2) kind 3 generated true nullable true narrow false",
		"kept int(11) kind 1 generated true nullable true narrow true",
		"hidden int(11) kind 1 generated false nullable true narrow true",
		"small smallint(5) unsigned kind 1 generated false nullable true narrow true",
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"id"}, table.PrimaryKey); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"id"}, {"region", "code"}}, table.UniqueKeys); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{
		"Orders.tags": "json_valid(`tags`)", "Orders.o`dd": "json_valid(`o``dd`)", "Orders.total": "`total` > 0", "enough": "`total` < 1000 or `code` = 'it\\'s'",
	}, table.Checks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]driver.ForeignKey{{Columns: []string{"customer"}, Table: "customers"}}, table.ForeignKeys); diff != "" {
		t.Error(diff)
	}
	if table.Triggers || table.View || table.NoTransactions || table.LastInserted != "`id` = LAST_INSERT_ID()" {
		t.Errorf("%+v", table)
	}
	if customers := o.table("customers"); !customers.Triggers || customers.LastInserted != "" || customers.Columns[1].Name != "na`me" {
		t.Errorf("%+v", customers)
	}
	if view := o.table("paid"); !view.View || view.NoTransactions || len(view.Columns) != 2 {
		t.Errorf("%+v", view)
	}
	if old := o.table("old"); !old.NoTransactions {
		t.Errorf("%+v", old)
	}
	for _, name := range []string{"orders", "ORDERS", "Orders ", "", "no", "mysql.user", "or%", "\U0001F980"} {
		if _, err := o.Describe(t.Context(), o.conn, name); !errors.Is(err, driver.ErrNoTable) {
			t.Errorf("%q: %v", name, err)
		}
	}
	names, err := driver.Query(t.Context(), o.conn, syntax.TableNames)
	must(t, err)
	if len(names) != 4 {
		t.Errorf("tables %q", names)
	}
}

// TestWhatIsKnownOfATableIsASecondOld: and less if a failure shows that it is another.
func TestWhatIsKnownOfATableIsASecondOld(t *testing.T) {
	o := open(t, "CREATE TABLE a (id INT)")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	o.tables = newTables(func() time.Time { return now })
	describe := func() *driver.Table {
		t.Helper()
		table, err := o.Describe(context.Background(), o.conn, "a")
		must(t, err)
		return table
	}
	columns := func() int { return len(describe().Columns) }
	if columns() != 1 {
		t.Fatal("one column")
	}
	o.exec("ALTER TABLE a ADD b INT")
	now = now.Add(refreshAfter - 1)
	if columns() != 1 {
		t.Error("the server is asked each time")
	}
	now = now.Add(1)
	if columns() != 2 {
		t.Error("the new column is not seen")
	}
	o.exec("ALTER TABLE a DROP b")
	known := describe()
	_, err := o.conn.ExecContext(t.Context(), "INSERT INTO a (b) VALUES (1)")
	if f := o.Classify(err, known); f.Condition != driver.UndefinedColumn {
		t.Errorf("%+v", f)
	}
	if columns() != 1 {
		t.Error("the column that is gone is still known")
	}
}
