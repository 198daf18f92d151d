package databasetest

import (
	"testing"

	"github.com/backflow/backflow/sdk"
)

const payments = `CREATE TABLE payments (id {id}, stripe_id {text} NOT NULL UNIQUE, amount {int} NOT NULL CHECK (amount > 0), note {long})`

func (s Suite) insert(t *testing.T) {
	t.Run("the row is returned as it is stored", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments, `CREATE TABLE plain (id {id}, n {int} DEFAULT 7, t {text}, «twice» {int} GENERATED ALWAYS AS (n * 2) STORED)`)
		f.Check(
			Case{Action: "insert", Params: `{"table":"payments","data":{"stripe_id":"pi_1","amount":2000}}`, Want: `{"id":1,"stripe_id":"pi_1","amount":2000,"note":null}`},
			Case{Action: "insert", Params: `{"table":"payments","data":{"stripe_id":"pi_2","amount":9007199254740993,"note":"Zażółć 日本 🦀 \"\\\n'"}}`,
				Want: `{"id":2,"stripe_id":"pi_2","amount":9007199254740993,"note":"Zażółć 日本 🦀 \"\\\n'"}`},
			Case{Action: "insert", Params: `{"table":"payments","data":{"id":40,"stripe_id":"pi_3","amount":1}}`, Want: `{"id":40,"stripe_id":"pi_3","amount":1,"note":null}`},
			Case{Action: "insert", Params: `{"table":"plain","data":{}}`, Want: `{"id":1,"n":7,"t":null,"twice":14}`},
			Case{Action: "insert", Params: `{"table":"plain","data":{"n":null,"t":""}}`, Want: `{"id":2,"n":null,"t":"","twice":null}`},
		)
		if got := f.Scalar(`SELECT count(*) FROM payments`); got != "3" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("a table without a key", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE log (line {text})`)
		for range 2 {
			c := Case{Action: "insert", Params: `{"table":"log","data":{"line":"same"}}`, Want: `{"line":"same"}`}
			if s.NoReturning {
				c.Refused = &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/data"}, Says: "has no key by which the row could be read again"}
			}
			f.Check(c)
		}
	})
	t.Run("names that need quotes", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE «select» («order» {int} PRIMARY KEY, «two words» {text}, «ключ» {text}, «UPPER» {text})`)
		f.Check(Case{Action: "insert", Params: `{"table":"select","data":{"order":1,"two words":"a","ключ":"b","UPPER":"c"}}`,
			Want: `{"order":1,"two words":"a","ключ":"b","UPPER":"c"}`})
	})
}
