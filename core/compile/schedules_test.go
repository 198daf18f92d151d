package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSchedulesAreCheckedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{
  "workflows": [{ "id": "reconcile", "input": { "type": "object", "required": ["days"], "properties": { "days": { "type": "integer" } } },
    "steps": [{ "id": "a", "type": "set", "values": { "n": "{{input.days}}" } }] }],
  "schedules": [
    { "name": "a", "cron": "0 3 * * *", "timezone": "Europe/Berlin", "workflow": "reconcile", "input": { "days": 1 } },
    { "name": "b", "cron": "0 3 * * * *", "timezone": "Europe/Berlim", "workflow": "reconcile", "input": { "days": 1 } },
    { "name": "c", "cron": "0 25 * * *", "workflow": "reconcil", "input": { "days": 1 } },
    { "name": "d", "cron": "@daily", "workflow": "reconcile", "input": { "days": "one" } },
    { "name": "e", "cron": "@daily", "workflow": "reconcile" } ] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	faults := p.Err().Error()
	for _, want := range []string{
		`:6:55: schedules[1].timezone: not a time zone: "Europe/Berlim" (the name of a place`,
		`:6:28: schedules[1].cron: not a cron expression: expected exactly 5 fields, found 6`,
		`:7:28: schedules[2].cron: not a cron expression: hour "25": 25 is not from 0 to 23 (minute, hour`,
		`:7:54: schedules[2].workflow: there is no workflow "reconcil" (did you mean "reconcile"?)`,
		`:8:82: schedules[3].input.days: reconcile: `,
		`:9:5: schedules[4].input.days: reconcile: `,
	} {
		if strings.Count(faults, file+want) != 1 {
			t.Errorf("not one fault: %s", want)
		}
	}
	if len(p.Faults) != 6 || t.Failed() {
		t.Error(faults)
	}
	if len(p.Schedules) != 5 || string(p.Schedules[0].Input.Raw()) != `{"days":1}` {
		t.Errorf("schedules %+v", p.Schedules)
	}
}
