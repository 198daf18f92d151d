package resource

import (
	"testing"
)

// searched are fields of each kind.
var searched = SearchFields{"status": TokenField, "email": StringField, "amount": NumericField, "card.brand": TokenField}

func TestQueriesSelectWhatTheySay(t *testing.T) {
	t.Parallel()
	o := Object{
		"status": "Paid", "email": "Ann@Example.com", "amount": int64(100), "card": map[string]any{"brand": "visa"},
		"live": true, "metadata": map[string]any{"a b": `it's "x"`, "empty": ""},
	}
	for text, want := range map[string]bool{
		`status:"paid"`:                              true,
		`status:'unpaid'`:                            false,
		`email~'example'`:                            true,
		`email~"xample.org"`:                         false,
		`email:'ann@example.com'`:                    true,
		`amount>99 amount<101`:                       true,
		`amount>=100 AND amount<=100 AND amount:100`: true,
		`-amount:100`:                                false,
		`amount<100 or status:'paid'`:                true,
		`card.brand:'visa'`:                          true,
		`-card.brand:'visa'`:                         false,
		`metadata['a b']:'it\'s "x"'`:                true,
		`metadata["a b"]:"it's \"x\""`:               true,
		`metadata['gone']:null`:                      true,
		`-metadata['a b']:null`:                      true,
		`metadata['empty']:null`:                     true,
	} {
		q, err := parseQuery(text, searched)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := q.matches(o); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, text := range []string{
		`status:'paid'`, `amount>=-5 AND email~"abc"`, `-metadata['k']:'v' OR amount:1`, `metadata["\""]:null`, `status:'\\'`, `a:b`, `'`, `-`, `metadata[`, `status:'x' AND `, "status:'x'\t-amount:1",
	} {
		f.Add(text)
	}
	objects := []Object{{}, {"status": "paid", "amount": int64(1), "email": "abc", "metadata": map[string]any{"k": "v"}, "card": map[string]any{}}, {"card": "x", "metadata": nil}}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseQuery(text, searched)
		if err != nil {
			return
		}
		if len(q.clauses) == 0 || len(q.clauses) > maxClauses {
			t.Fatalf("%d clauses", len(q.clauses))
		}
		for _, o := range objects {
			// What one query selects, its clauses select.
			all, any := true, false
			for _, c := range q.clauses {
				all, any = all && c.matches(o), any || c.matches(o)
			}
			if want := map[bool]bool{true: any, false: all}[q.or]; q.matches(o) != want {
				t.Fatalf("%q selects %v, its clauses %v", text, q.matches(o), want)
			}
		}
	})
}
