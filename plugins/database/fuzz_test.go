package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/exact"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/sdk"
	"github.com/go-json-experiment/json/jsontext"
)

// FuzzInsert: whatever the params are, the result is an error and nothing
// changed, or exactly one row that holds what was sent.
func FuzzInsert(f *testing.F) {
	for _, seed := range []string{
		`{"table":"kinds","data":{"i":1,"r":0.1,"n":19.990,"t":"x","b":"AAE=","ok":true,"j":{"a":[1]},"d":"2026-11-23","a":null}}`,
		`{"table":"kinds","data":{"i":12345678901234567890,"n":"1e999999999","t":"\u0000","ключ":"é","sp ace\"q":"'"}}`,
		`{"table":"kinds\" (i) VALUES (1); DROP TABLE kinds; --","data":{}}`,
		`{"table":"kinds","data":{"i\") VALUES (1); DROP TABLE kinds; --":1}}`,
		`{"table":"kinds","data":{"j":"12","jb":1.5e3,"d":"007","v":-0.0,"r":-0.0}}`,
		`{"table":"backflow_keys","data":{"idempotency_key":"k"}}`,
		`{"table":"kinds","data":{"twice":1}}`,
		`{"table":"kinds","data":{"d":"2026-11-23 10:00:00.5+02:00"}}`,
		`{"table":"kinds","data":{"j":9007199254740993.5,"n":"-0","a":1e20,"r":9007199254740993}}`,
		"{\"table\":\"kinds\",\"data\":{\"t\":\"\xff\"}}",
	} {
		f.Add([]byte(seed))
	}
	base := newFixture(f, kindsDDL)
	f.Fuzz(func(t *testing.T, params []byte) {
		fix := *base
		fix.t = t
		before := fix.rows()
		result, err := fix.plugin.Execute(t.Context(), sdk.Call{Action: "insert", Params: params})
		if err != nil {
			var refusal *sdk.Error
			if !errors.As(err, &refusal) || refusal.Outcome != sdk.OutcomeNotExecuted {
				t.Fatalf("%s: %v", params, err)
			}
			if after := fix.rows(); after != before {
				t.Fatalf("%s: refused with %v, rows went from %s to %s", params, err, before, after)
			}
			return
		}
		if got := fix.scalar(`SELECT count(*) FROM kinds`); got != "1" {
			t.Fatalf("%s: %s rows", params, got)
		}
		fix.exec(`DELETE FROM kinds`)
		if after := fix.rows(); after != before {
			t.Fatalf("%s: other rows went from %s to %s", params, before, after)
		}
		checkRow(t, params, result.Body)
	})
}

// checkRow compares the result with what was sent.
func checkRow(t *testing.T, params, body []byte) {
	t.Helper()
	var sent struct{ Data map[string]jsontext.Value }
	if err := json.Unmarshal(params, &sent); err != nil {
		t.Fatal(err)
	}
	members, err := request.ReadObject(body)
	if err != nil {
		t.Fatalf("%s: answered %s: %v", params, body, err)
	}
	row := make(map[string]jsontext.Value)
	for _, member := range members {
		row[member.Name] = member.Value
	}
	for name, value := range sent.Data {
		if stored, ok := row[name]; !ok || !holds(name, value, stored) {
			t.Fatalf("%s: column %s: sent %s, stored %s", params, name, value, stored)
		}
	}
}

// holds reports whether a stored value is the value that was sent, in the
// forms that docs/database.md names.
func holds(column string, sent, stored jsontext.Value) bool {
	if err := sent.Compact(); err != nil {
		return false
	}
	if column == "j" || column == "jb" {
		return string(sent) == string(stored) || equalNumbers(string(sent), string(stored))
	}
	if column == "i" && (sent.Kind() == 't' || sent.Kind() == 'f') {
		return string(stored) == map[jsontext.Kind]string{'t': "1", 'f': "0"}[sent.Kind()]
	}
	if column == "ok" && sent.Kind() == '0' {
		number, _ := exact.Parse(string(sent))
		value, ok := number.Int64()
		return ok && string(stored) == map[int64]string{0: "false", 1: "true"}[value]
	}
	a, b := unquoted(sent), unquoted(stored)
	if a == b {
		return true
	}
	if x, err := time.Parse(time.RFC3339Nano, b); err == nil && column == "d" {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00"} {
			y, err := time.Parse(layout, a)
			if err != nil {
				y, err = time.Parse(layout, a+"Z")
			}
			if err == nil && x.Equal(y) {
				return true
			}
		}
	}
	if column == "r" {
		x, _ := exact.Parse(a)
		y, _ := exact.Parse(b)
		xf, _, xok := x.Float64()
		yf, _, yok := y.Float64()
		return xok && yok && xf == yf
	}
	return equalNumbers(a, b)
}

func unquoted(value jsontext.Value) string {
	if value.Kind() != '"' {
		return string(value)
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return strings.Repeat("invalid", 3)
	}
	return string(text)
}

func equalNumbers(a, b string) bool {
	x, ok := exact.Parse(a)
	y, ok2 := exact.Parse(b)
	return ok && ok2 && x == y
}
