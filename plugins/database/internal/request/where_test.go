package request

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// FuzzWhere: whatever a query has, what is read of it is conditions that can be held
// against a table, with a value for each that operators take, or faults with their places.
func FuzzWhere(f *testing.F) {
	for _, seed := range [][2]string{
		{"status", "eq.paid"}, {`"order"`, "not.in.(a,\"b,c\",\"\\\"\")"}, {"a", "between.(1,5)"}, {"a", "is.not.null"}, {"a", "like.%x\\%"}, {"", "in.()"},
		{"a.b", "eq.not.eq.1"}, {`"`, "contains.{\"a\":1}"}, {"a", "in.(a"}, {"a", "eqq.1"},
	} {
		f.Add(seed[0], seed[1])
	}
	columns := []driver.Column{{Kind: driver.KindAny}, {Kind: driver.KindInteger}, {Kind: driver.KindText}, {Kind: driver.KindBoolean}, {Kind: driver.KindJSON},
		{Kind: driver.KindArray, Element: &driver.Column{Kind: driver.KindNumeric}}}
	f.Fuzz(func(t *testing.T, name, text string) {
		params, err := json.Marshal(map[string]any{"table": "t", "where": map[string]any{name: []string{text}}})
		if err != nil {
			t.Skip()
		}
		read, err := ReadSelect("", params)
		if err != nil {
			return
		}
		if len(read.Filters) != 1 {
			t.Fatalf("%q=%q: %d filters", name, text, len(read.Filters))
		}
		filter := read.Filters[0]
		if filter.Not != nil {
			filter = *filter.Not
		}
		if !slices.Contains(Operators, filter.Operator) || !strings.HasPrefix(filter.At, "/where/") || !filter.Value.IsValid() {
			t.Fatalf("%q=%q: %+v", name, text, filter)
		}
		for _, column := range columns {
			values := filter.Values(column)
			if filter.Operator == Between && len(values) != 2 || filter.Operator != In && filter.Operator != Between && len(values) != 1 {
				t.Fatalf("%q=%q: values %s", name, text, values)
			}
			for _, value := range values {
				if !value.IsValid() {
					t.Fatalf("%q=%q: value %q", name, text, value)
				}
			}
		}
	})
}

func TestTextsAreValuesOfTheColumn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind       driver.Kind
		text, want string
	}{
		{driver.KindInteger, "42", `42`},
		{driver.KindInteger, "042", `"042"`}, // which is refused as no number
		{driver.KindInteger, "x", `"x"`},
		{driver.KindNumeric, "-19.990", `-19.990`},
		{driver.KindText, "42", `"42"`},
		{driver.KindText, "null", `"null"`},
		{driver.KindBoolean, "true", `true`},
		{driver.KindBoolean, "TRUE", `"TRUE"`},
		{driver.KindJSON, `{"a" : 1}`, `{"a":1}`},
		{driver.KindJSON, `red`, `"red"`},
		{driver.KindAny, "42", `42`},
		{driver.KindAny, "a", `"a"`},
		{driver.KindTime, "2026-11-23T12:00:00Z", `"2026-11-23T12:00:00Z"`},
	} {
		if got := string(FromText(driver.Column{Kind: c.kind}, c.text)); got != c.want {
			t.Errorf("kind %d, %s: %s, want %s", c.kind, c.text, got, c.want)
		}
	}
}

func TestACursorComesBackAsItWas(t *testing.T) {
	t.Parallel()
	want := Cursor{Selection: [16]byte{1, 2, 3}, Skip: 300, Values: []any{
		nil, int64(math.MinInt64), uint64(math.MaxUint64), 0.1, math.Inf(-1), true, false, "é\xff\x00", []byte{0, 1}, "",
		time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC),
	}}
	text, err := want.String()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseCursor(text)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := (Cursor{Values: []any{strings.Repeat("x", maxCursor)}}).String(); err == nil {
		t.Error("a cursor has no bound")
	}
	if _, err := (Cursor{Values: []any{struct{}{}}}).String(); err == nil {
		t.Error("any value is taken")
	}
}

// FuzzCursor: what is read is what would be written, and nothing else.
func FuzzCursor(f *testing.F) {
	for _, values := range [][]any{nil, {nil, int64(5), "x"}, {uint64(5), 1.5, true, []byte("x"), time.Unix(0, 5)}} {
		text, err := Cursor{Skip: 1, Values: values}.String()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := ParseCursor(text)
		if err != nil {
			return
		}
		if again, err := read.String(); err != nil || again != text {
			t.Errorf("%q is read as %+v, which is written %q, %v", text, read, again, err)
		}
	})
}
