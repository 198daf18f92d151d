package request

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk"
)

// FuzzReadParams: whatever the params are, they are read, or refused with faults that
// are in them; and those that say the same have one digest.
func FuzzReadParams(f *testing.F) {
	for _, seed := range []string{
		`{"table":"t","data":{"a":1},"filters":[{"column":"a","operator":"in","value":[1,"x"]},{"or":[{"not":{"column":"b","operator":"is","value":"not null"}}]}],"maxAffected":2,"if":{"a":null}}`,
		`{"table":"t","key":"a,\"b\"","where":{"a":["eq.1","not.between.(1,\"2,\")"],"\"b\"":["is.not.null"]}}`,
		`{"table":"t","rows":[{},{"a":[]}]}`,
		`{"table":"t","data":{},"onConflict":["a","a"]}`,
		`{"table":"t","columns":["a"],"order":"a.desc,b","limit":1e2,"cursor":"x"}`,
		`{"tabel":1,"a/b~":{"\ud800":1}}`, `[`, `{"table":"t"}}`, "{\"table\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	readers := map[string]func(at string, params []byte) error{
		"insert":     func(at string, params []byte) error { _, err := ReadInsert(at, params); return err },
		"insertMany": func(at string, params []byte) error { _, err := ReadInsertMany(at, params); return err },
		"upsert":     func(at string, params []byte) error { _, err := ReadUpsert(at, params); return err },
		"update":     func(at string, params []byte) error { _, err := ReadUpdate(at, params); return err },
		"delete":     func(at string, params []byte) error { _, err := ReadDelete(at, params); return err },
		"get":        func(at string, params []byte) error { _, err := ReadGet(at, params); return err },
		"select":     func(at string, params []byte) error { _, err := ReadSelect(at, params); return err },
		"count":      func(at string, params []byte) error { _, err := ReadCount(at, params); return err },
	}
	f.Fuzz(func(t *testing.T, params []byte) {
		for action, read := range readers {
			err := read("/at", params)
			if err != nil {
				var refusal *sdk.Error
				if !errors.As(err, &refusal) || refusal.Code != sdk.CodeInvalidParams || len(refusal.Faults) == 0 || len(refusal.Faults) > failure.MaxFaults {
					t.Fatalf("%s %s: %v", action, params, err)
				}
				for _, fault := range refusal.Faults {
					if fault.Pointer != "/at" && !strings.HasPrefix(fault.Pointer, "/at/") {
						t.Fatalf("%s %s: a fault at %q", action, params, fault.Pointer)
					}
				}
				continue
			}
			other := jsontext.Value(params).Clone()
			if err := other.Format(jsontext.ReorderRawObjects(true), jsontext.Multiline(true)); err != nil {
				t.Fatalf("%s %s is read: %v", action, params, err)
			}
			if err := read("/at", other); err != nil || Digest(action, params) != Digest(action, other) {
				t.Fatalf("%s %s has another digest than %s, or: %v", action, params, other, err)
			}
		}
	})
}
