package named

import (
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// The three ways to read SQL, as the drivers say them.
var (
	sqlite   = driver.Lexis{Backticks: true, Brackets: true, Placeholders: "?@$", ChangingWords: []string{"REPLACE"}}
	postgres = driver.Lexis{EscapeStrings: true, DollarQuotes: true, NestedComments: true, Placeholders: "$", FirstWords: []string{"TABLE"}, ChangingWords: []string{"MERGE"}}
	mysql    = driver.Lexis{
		Backticks: true, Backslashes: true, HashComments: true, DashSpace: true, ExecutableComments: true,
		Placeholders: "?", IntoOutside: true, ChangingWords: []string{"REPLACE"},
	}
	every = []*driver.Lexis{&sqlite, &postgres, &mysql}
)

// written is a query with its parameters numbered, as a database gets it.
func written(q *Query) string {
	names := make(map[string]any)
	for _, name := range q.Params {
		names[name] = name
	}
	text := q.Text(&driver.Syntax{Placeholder: func(int) string { return "¤" }}, names)
	sql := text.String()
	for _, value := range text.Values {
		sql = strings.Replace(sql, "¤", "<"+value.(string)+">", 1)
	}
	return sql
}

func TestParametersAreFoundWhereTheyAreSome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of        []*driver.Lexis
		sql, want string
	}{
		{every, `SELECT :a, :b_2 FROM t WHERE x=:a;`, `SELECT <a>, <b_2> FROM t WHERE x=<a>`},
		{every, "SELECT ':a', \":b\", '' , 'it''s :c', \"q\"\":d\" -- :e\n, :f /* :g */", "SELECT ':a', \":b\", '' , 'it''s :c', \"q\"\":d\" -- :e\n, <f> /* :g */"},
		{every, `SELECT (:a) + -:b, :größe ; -- the end`, `SELECT (<a>) + -<b>, <gr>öße  -- the end`},
		{every, "\n\tselect 1 -- no line behind", "\n\tselect 1 -- no line behind"},
		{[]*driver.Lexis{&postgres}, `SELECT a::text, :b::int, E'\':c', e'\\' || :d, U&'\', :e`, `SELECT a::text, <b>::int, E'\':c', e'\\' || <d>, U&'\', <e>`},
		{[]*driver.Lexis{&postgres}, `SELECT $$ :a ' $$, $x$ :b $y$ $$ $x$, a$b$ , :c, $ä1$:d$ä1$`, `SELECT $$ :a ' $$, $x$ :b $y$ $$ $x$, a$b$ , <c>, $ä1$:d$ä1$`},
		{[]*driver.Lexis{&postgres}, `SELECT /* /* :a */ :b */ :c, '\', :d, a ? 'k', a @> :e`, `SELECT /* /* :a */ :b */ <c>, '\', <d>, a ? 'k', a @> <e>`},
		{[]*driver.Lexis{&postgres}, "SELECT E'a'\n  '\\':b', E'a' '\\', :c", "SELECT E'a'\n  '\\':b', E'a' '\\', <c>"},
		{[]*driver.Lexis{&mysql}, "SELECT '\\':a', \"\\\":b\", `:c``:d`, # :e ' \n :f, 5--:g, @x:=:h", "SELECT '\\':a', \"\\\":b\", `:c``:d`, # :e ' \n <f>, 5--<g>, @x:=<h>"},
		{[]*driver.Lexis{&mysql}, "SELECT /* /* :a */ :b, $c", "SELECT /* /* :a */ <b>, $c"},
		{[]*driver.Lexis{&sqlite}, "SELECT '\\', :a, [:b 'c], `:d`, /* /* */ :e", "SELECT '\\', <a>, [:b 'c], `:d`, /* /* */ <e>"},
	} {
		for _, lexis := range c.of {
			q, err := Parse(lexis, c.sql, false)
			if err != nil {
				t.Errorf("%s: %v", c.sql, err)
				continue
			}
			if got := written(q); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.sql, got, c.want)
			}
		}
	}
	q, err := Parse(&postgres, `SELECT :b, :a, :b`, false)
	if err != nil || !slices.Equal(q.Params, []string{"b", "a"}) {
		t.Errorf("%v, %v", q, err)
	}
}

func TestAQueryIsOneStatementOfItsKind(t *testing.T) {
	t.Parallel()
	const reads, returns, changes = "reads", "writes and returns rows", "writes"
	for _, c := range []struct {
		of        []*driver.Lexis
		sql, want string
	}{
		{every, `SELECT 1`, reads},
		{every, `(SELECT 1) UNION (SELECT 2)`, reads},
		{every, `VALUES (1)`, reads},
		{every, `WITH a AS (SELECT 1), b (x) AS (SELECT 2) SELECT * FROM a`, reads},
		{every, `SELECT lower(replace(a, 'b', 'c')) FROM t FOR UPDATE`, reads},
		{every, `INSERT INTO t VALUES (:a)`, changes},
		{every, ` update t SET a = 1`, changes},
		{every, `WITH a AS (SELECT 1) DELETE FROM t`, changes},
		{every, `DELETE FROM t RETURNING id`, returns},
		{every, `DELETE FROM t WHERE a = 'RETURNING'`, changes},
		{[]*driver.Lexis{&postgres}, `WITH a AS (DELETE FROM t RETURNING id) SELECT * FROM a`, returns},
		{[]*driver.Lexis{&postgres}, `WITH a AS (INSERT INTO t VALUES (1) RETURNING id) UPDATE t SET a = 1`, changes},
		{[]*driver.Lexis{&postgres}, `MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE`, changes},
		{[]*driver.Lexis{&postgres}, `TABLE t`, reads},
		{[]*driver.Lexis{&mysql, &sqlite}, `REPLACE INTO t VALUES (1)`, changes},
	} {
		for _, lexis := range c.of {
			read, refused := Parse(lexis, c.sql, false)
			if (refused == nil) != (c.want == reads) {
				t.Errorf("%s: read: %v", c.sql, refused)
			}
			if refused != nil && !strings.Contains(refused.Error(), `say "write": true`) {
				t.Errorf("%s: %v", c.sql, refused)
			}
			if refused == nil && !read.Rows {
				t.Errorf("%s returns no rows", c.sql)
			}
			write, err := Parse(lexis, c.sql, true)
			if err != nil || write.Rows != (c.want != changes) {
				t.Errorf("%s: %+v, %v", c.sql, write, err)
			}
		}
	}
}

func TestWhatIsNotOneStatementIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of        []*driver.Lexis
		sql, want string
	}{
		{every, ``, "is no statement"},
		{every, ` -- nothing`, "is no statement"},
		{every, `;`, "is no statement"},
		{every, "SELECT 1;\n DELETE FROM t", "line 2, column 2: a second statement begins here"},
		{every, "SELECT 1;;", "line 1, column 10: a second statement"},
		{every, "SELECT 'é', 'a", "line 1, column 13: a quote or a comment begins here and has no end"},
		{every, `SELECT "a`, "no end"},
		{every, `SELECT 1 /* a`, "no end"},
		{every, "SELECT 1 \x00", "NUL"},
		{every, "SELECT \xff", "UTF-8"},
		{every, "SELECT '" + strings.Repeat("a", MaxLength) + "'", "at most 65536"},
		{every, `BEGIN`, "begins with BEGIN"},
		{every, `COMMIT`, "begins with COMMIT"},
		{every, `ROLLBACK`, "begins with ROLLBACK"},
		{every, `SAVEPOINT a`, "begins with SAVEPOINT"},
		{every, `SET a = 1`, "begins with SET"},
		{every, `DROP TABLE t`, "begins with DROP"},
		{every, `CALL f()`, "begins with CALL"},
		{every, `PRAGMA query_only = 0`, "begins with PRAGMA"},
		{every, `ATTACH 'a' AS b`, "begins with ATTACH"},
		{every, `COPY t TO '/tmp/x'`, "begins with COPY"},
		{every, `EXPLAIN DELETE FROM t`, "begins with EXPLAIN"},
		{[]*driver.Lexis{&sqlite, &mysql}, `SELECT ?`, "?: a parameter is written as :name"},
		{[]*driver.Lexis{&sqlite}, `SELECT @a`, "@: a parameter"},
		{[]*driver.Lexis{&sqlite, &postgres}, `SELECT $1`, "$: a parameter"},
		{[]*driver.Lexis{&postgres}, `SELECT $a$ b`, "no end"},
		{[]*driver.Lexis{&postgres}, `SELECT /* /* */ 1`, "no end"},
		{[]*driver.Lexis{&postgres}, `SELECT E'\'`, "no end"},
		{[]*driver.Lexis{&postgres}, `SELECT * FROM U&"backflow\005fkeys"`, "line 1, column 15: a name with escapes is not allowed"},
		{[]*driver.Lexis{&postgres}, `SELECT 1 AS u&"a!0061" UESCAPE '!'`, "a name with escapes"},
		{[]*driver.Lexis{&mysql}, `SELECT '\'`, "no end"},
		{[]*driver.Lexis{&mysql}, "SELECT `a", "no end"},
		{[]*driver.Lexis{&sqlite}, `SELECT [a`, "no end"},
		{[]*driver.Lexis{&mysql}, `SELECT 1 /*! INTO OUTFILE 'a' */`, "that the database runs"},
		{[]*driver.Lexis{&mysql}, `SELECT 1 /*M! FOR UPDATE */`, "that the database runs"},
		{[]*driver.Lexis{&mysql}, `SELECT a FROM t INTO OUTFILE '/tmp/x'`, "INTO writes to what no transaction covers"},
		{[]*driver.Lexis{&mysql}, `SELECT a INTO @x FROM t`, "INTO writes to what no transaction covers"},
	} {
		for _, lexis := range c.of {
			if _, err := Parse(lexis, c.sql, false); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%.60q: %v, want %s", c.sql, err, c.want)
			}
		}
	}
	if _, err := Parse(&mysql, `SELECT a FROM t INTO DUMPFILE '/tmp/x'`, true); err == nil {
		t.Error("a file of the server may be written")
	}
	if _, err := Parse(&sqlite, `DROP TABLE t`, true); err == nil || !strings.Contains(err.Error(), "INSERT, UPDATE, DELETE") {
		t.Error(err)
	}
}

// FuzzParse: nothing is lost or added between the parameters, and what is written reads
// as a statement without any.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`SELECT a::text, :b FROM t WHERE x = ':c' -- :d`, "INSERT INTO t VALUES (E'\\'', $$:a$$, $x$ $y$ $x$, \"a\", `b`, [c]) RETURNING id;",
		`WITH a AS (DELETE FROM t) SELECT @x := :y /* /* */ */ # z`, "SELECT E'a'\n'b\\'c' /*! x */ -- \n--y",
	} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, sql string, write bool) {
		for _, lexis := range every {
			var all strings.Builder
			for rest := sql; rest != ""; {
				found := scan(lexis, rest)
				if found.text == "" {
					t.Fatalf("%q: an empty token at %q", sql, rest)
				}
				all.WriteString(found.text)
				rest = rest[len(found.text):]
			}
			if all.String() != sql {
				t.Fatalf("%q: tokens are of %q", sql, all.String())
			}
			q, err := Parse(lexis, sql, write)
			if err != nil {
				continue
			}
			if len(q.pieces) != len(q.uses)+1 {
				t.Fatalf("%q: %d pieces, %d parameters", sql, len(q.pieces), len(q.uses))
			}
			// NULL in place of each parameter, and spaces, so that no token changes.
			again, err := Parse(lexis, strings.Join(q.pieces, " NULL "), write)
			if err != nil || len(again.Params) > 0 || again.Rows != q.Rows {
				t.Fatalf("%q: %+v, again %+v, %v", sql, q, again, err)
			}
		}
	})
}
