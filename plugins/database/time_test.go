package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// TestTimesOfSQLiteAreShownAndComparedAsInstants: whichever program wrote them, in whatever form.
func TestTimesOfSQLiteAreShownAndComparedAsInstants(t *testing.T) {
	f := newFixture(t, `CREATE TABLE at (id INTEGER PRIMARY KEY, t TIMESTAMP, day DATE, made DATETIME DEFAULT CURRENT_TIMESTAMP)`)
	f.insert("", `{"table":"at","data":{"id":1,"t":"2026-11-23T10:00:00Z","day":"2026-11-23","made":"2026-11-23 10:00:00"}}`)
	f.insert("", `{"table":"at","data":{"id":2,"t":"2026-11-23T12:00:00.5+02:00"}}`)
	f.insert("", `{"table":"at","data":{"id":3,"t":1795428001}}`)
	f.exec(`INSERT INTO at (id, t) VALUES (4, '2026-11-23 10:00'), (5, NULL), (6, '2026-11-23')`)
	if got := f.insert("", `{"table":"at","data":{"id":7,"t":"2026-11-23T23:30:00-01:00"}}`); !strings.Contains(got, `"t":"2026-11-24T00:30:00Z"`) {
		t.Errorf("shown as %s", got)
	} else if made := got[strings.Index(got, `"made":"`)+8:]; len(made) < 20 || made[10] != 'T' || made[19] != 'Z' {
		t.Errorf("the default is shown as %s", got)
	}
	for filter, ids := range map[string]int{
		`{"column":"t","operator":"eq","value":"2026-11-23T11:00:00+01:00"}`:                          2, // 1, 4
		`{"column":"t","operator":"gt","value":"2026-11-23T10:00:00Z"}`:                               3, // 2, 3, 7
		`{"column":"t","operator":"lte","value":"2026-11-23T10:00:00.500Z"}`:                          4, // 1, 2, 4, 6
		`{"column":"t","operator":"in","value":["2026-11-23T10:00:00.50Z","2026-11-23T00:00:00Z"]}`:   2, // 2, 6
		`{"column":"t","operator":"between","value":["2026-11-23T10:00:01Z","2026-11-24T00:30:00Z"]}`: 2, // 3, 7
		`{"column":"day","operator":"gte","value":"2026-11-23"}`:                                      1,
		`{"column":"made","operator":"eq","value":"2026-11-23T10:00:00.000Z"}`:                        1,
	} {
		result, err := f.plugin.Execute(t.Context(), sdk.Call{Action: "count", Params: json.RawMessage(`{"table":"at","filters":[` + filter + `]}`)})
		if want := fmt.Sprintf(`{"count":%d}`, ids); err != nil || string(result.Body) != want {
			t.Errorf("%s: %s, %v, want %s", filter, result.Body, err, want)
		}
	}
	for _, text := range []string{"soon", "now", "", "10:00:00", "2026-02-30T10:00:00Z", "2026-11-23T10:00:00+25:00", "2026-11-23T23:59:60Z", "9999-12-31T23:59:59-01:00"} {
		for action, params := range map[string]string{
			"insert": `{"table":"at","data":{"t":%q}}`, // a text that is no time would be behind every time
			"delete": `{"table":"at","filters":[{"column":"t","operator":"lt","value":%q}],"maxAffected":100}`,
		} {
			_, err := f.plugin.Execute(t.Context(), sdk.Call{Action: action, Params: json.RawMessage(fmt.Sprintf(params, text))})
			if refused, ok := errors.AsType[*sdk.Error](err); !ok || refused.Code != sdk.CodeInvalidParams || !strings.Contains(refused.Message, "takes a time") {
				t.Errorf("%s %q: %v", action, text, err)
			}
		}
	}
}
