package request

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk"
)

// faultsOf returns the faults of an error as lines.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var refusal *sdk.Error
	if !errors.As(err, &refusal) || refusal.Code != sdk.CodeInvalidParams || refusal.Outcome != sdk.OutcomeNotExecuted {
		t.Fatalf("got %v, want a refusal of the params", err)
	}
	var lines []string
	for _, fault := range refusal.Faults {
		lines = append(lines, fault.Pointer+": "+fault.Message)
	}
	return lines
}

func TestEveryFaultOfTheParamsIsAtItsPlace(t *testing.T) {
	for _, c := range []struct {
		params string
		want   []string
	}{
		{`[]`, []string{`: must be a JSON object`}},
		{`{}`, []string{`: the param "table" is missing`, `: get needs filters, or the key of one row`}},
		{`{"table":5,"tabel":"x","key":[]}`, []string{
			`/table: must be a string`, `/tabel: get has no param "tabel"; did you mean "table"?`, `/key: must be a string, a number, true or false`}},
		{`{"table":"t","key":1,"filters":[]}`, []string{`/filters: must not be empty: an empty list would mean every row`, `/key: must not be given beside filters`}},
		{`{"table":"t","key":""}`, []string{`/key: must not be empty`}},
		{`{"table":"t","filters":{}}`, []string{`/filters: must be a list`}},
		{`{"table":"t","filters":[5,{},{"column":"a"}]}`, []string{
			`/filters/0: must be a JSON object`,
			`/filters/1: must have column, operator and value, or one of and, or, not`,
			`/filters/2: must have column, operator and value, or one of and, or, not`}},
		{`{"table":"t","filters":[{"column":"a","operator":"equals","value":1},{"colum":"a"},{"column":"a","operator":"ilik","value":"x"}]}`, []string{
			`/filters/0/operator: there is no operator "equals"`,
			`/filters/1/colum: a filter has no "colum"; did you mean "column"?`,
			`/filters/2/operator: there is no operator "ilik"; did you mean "ilike"?`}},
		{`{"table":"t","filters":[{"or":[{"column":"a","operator":"eq","value":null},{"not":{"column":"b","operator":"in","value":[1,null]}}]}]}`, []string{
			`/filters/0/or/0/value: must not be null: no value compares with null by eq; use the operator is`,
			`/filters/0/or/1/not/value/1: must not be null: no value compares with null by in; use the operator is`}},
		{`{"table":"t","filters":[{"and":[],"column":"a","operator":"is","value":1}]}`, []string{`/filters/0/and: must not be empty: an empty list would mean every row`}},
		{`{"table":"t","filters":[{"and":[{"column":"a","operator":"is","value":null}],"column":"a"}]}`, []string{
			`/filters/0: must have column, operator and value, or one of and, or, not`}},
		{`{"table":"t","filters":[{"column":"a","operator":"is","value":"NULL"},{"column":"a","operator":"between","value":[1]},{"column":"a","operator":"like","value":5}]}`, []string{
			`/filters/0/value: must be null, true, false or "not null"`,
			`/filters/1/value: must be a list of two values, the least and the greatest`,
			`/filters/2/value: must be a string: like takes a pattern, with % and _ as in SQL`}},
	} {
		_, err := ReadGet("", []byte(c.params))
		if diff := cmp.Diff(c.want, faultsOf(t, err)); diff != "" {
			t.Errorf("%s: %s", c.params, diff)
		}
		_, err = ReadGet("/operations/1/params", []byte(c.params))
		for i, line := range faultsOf(t, err) {
			if want := "/operations/1/params" + c.want[i]; line != want {
				t.Errorf("below a pointer: %s, want %s", line, want)
			}
		}
	}
}

func TestFiltersSayWhereTheyStand(t *testing.T) {
	read, err := ReadGet("/p", []byte(`{"table":"t","filters":[
		{"column":"a","operator":"in","value":[ 1, "x" ]},
		{"not":[{"column":"b","operator":"is","value":null}]},
		{"or":[{"column":"c","operator":"eq","value":{"k": 1}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Filter{
		{At: "/p/filters/0", ColumnAt: "/p/filters/0/column", ValueAt: "/p/filters/0/value", Column: "a", Operator: In, Value: driver.JSON(`[1,"x"]`)},
		{At: "/p/filters/1", Not: &Filter{At: "/p/filters/1/not", All: []Filter{
			{At: "/p/filters/1/not/0", ColumnAt: "/p/filters/1/not/0/column", ValueAt: "/p/filters/1/not/0/value", Column: "b", Operator: Is, Value: driver.JSON(`null`)}}}},
		{At: "/p/filters/2", Any: []Filter{
			{At: "/p/filters/2/or/0", ColumnAt: "/p/filters/2/or/0/column", ValueAt: "/p/filters/2/or/0/value", Column: "c", Operator: Equal, Value: driver.JSON(`{"k":1}`)}}},
	}
	if diff := cmp.Diff(want, read.Filters); diff != "" {
		t.Error(diff)
	}
}

func TestFiltersAreBounded(t *testing.T) {
	const one = `{"column":"a","operator":"eq","value":1}`
	nested := func(depth int) string {
		return strings.Repeat(`{"not":`, depth-1) + one + strings.Repeat(`}`, depth-1)
	}
	wide := func(conditions int) string {
		half := strings.TrimSuffix(strings.Repeat(one+",", conditions/2-1), ",")
		return `{"and":[` + half + `]},{"or":[` + half + `]}`
	}
	listed := func(values int) string {
		return `{"column":"a","operator":"in","value":[` + strings.TrimSuffix(strings.Repeat("1,", values), ",") + `]}`
	}
	for _, c := range []struct {
		within, beyond, says string
	}{
		{nested(maxFilterDepth), nested(maxFilterDepth + 1), "is nested more than 16 deep"},
		{wide(maxFilters), wide(maxFilters + 2), "there are more than 200 conditions"},
		{listed(maxListed), listed(maxListed + 1), "has 1001 items; at most 1000 are allowed"},
	} {
		if _, err := ReadGet("", fmt.Appendf(nil, `{"table":"t","filters":[%s]}`, c.within)); err != nil {
			t.Error(err)
		}
		_, err := ReadGet("", fmt.Appendf(nil, `{"table":"t","filters":[%s]}`, c.beyond))
		if lines := faultsOf(t, err); len(lines) != 1 || !strings.HasSuffix(lines[0], c.says) {
			t.Errorf("%q, want %s", lines, c.says)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	params := `{"table":"t"`
	for i := range 10 * failure.MaxFaults {
		params += fmt.Sprintf(`,"x%d":1`, i)
	}
	if _, err := ReadGet("", []byte(params+"}")); len(faultsOf(t, err)) != failure.MaxFaults {
		t.Error(err)
	}
}

func TestADigestIsThatOfWhatIsAsked(t *testing.T) {
	first := Digest("get", []byte(`{"table":"t","filters":[{"column":"a","operator":"eq","value":1}]}`))
	if again := Digest("get", []byte(` { "filters" : [ {"value":1, "operator":"\u0065q","column":"a"} ], "table" : "t" }`)); again != first {
		t.Error("order and space make another digest")
	}
	for _, other := range []struct{ action, params string }{
		{"delete", `{"table":"t","filters":[{"column":"a","operator":"eq","value":1}]}`},
		{"get", `{"table":"t","filters":[{"column":"a","operator":"eq","value":"1"}]}`},
		{"get", `{"table":"t","filters":[{"column":"a","operator":"eq","value":1.0}]}`},
		{"get", `{"table":"t","filters":[{"column":"a","operator":"eq","value":12345678901234567890}]}`},
		{"get", `{"table":"t","filters":[{"column":"a","operator":"eq","value":12345678901234567891}]}`},
	} {
		if Digest(other.action, []byte(other.params)) == first {
			t.Errorf("%s %s has the digest of another", other.action, other.params)
		}
	}
	if Digest("get", []byte(`[12345678901234567890]`)) == Digest("get", []byte(`[12345678901234567891]`)) {
		t.Error("numbers are rounded")
	}
}
