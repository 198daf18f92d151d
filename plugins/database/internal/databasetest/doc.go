// Package databasetest is the one suite of the plugin's promises, which every kind of
// database keeps: Run runs all of it over one Engine. Each case calls the plugin as the
// gateway does, with JSON, and looks at the database beside it.
//
// A topic is a file with a function on Suite, and a row of the table topics; what it
// promises are its subtests. A case of one call is a Case: a result, or a Refusal with its
// code, its places in the params and what it says of the database. Tables are written
// once, in SQL with words in braces for what the databases call differently, as {text},
// and names in «» where they need quotes: see Engine.SQL. What only one database has
// belongs to its own package.
//
//	f := s.New(t, `CREATE TABLE payments (id {id}, stripe_id {text} NOT NULL UNIQUE)`)
//	f.Check(
//		Case{Action: "insert", Params: `{"table":"payments","data":{"stripe_id":"pi_1"}}`, Want: `{"id":1,"stripe_id":"pi_1"}`},
//		Case{Action: "insert", Params: `{"table":"payments","data":{"stripe_id":"pi_1"}}`, Refused: &Refusal{
//			Code: sdk.CodeConflict, Pointers: []string{"/data/stripe_id"}, Condition: "unique_violation", Columns: []string{"stripe_id"}}},
//	)
//
// Only tests may import it. The package imports internal/testkit, sdk and sdk/pointer.
package databasetest
