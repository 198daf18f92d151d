package workflow

import (
	"errors"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/template"
)

func TestFaultsOfADefinitionNameThePlaceAndTheRemedy(t *testing.T) {
	step := func(members string) string { return `{"id":"w","steps":[{"id":"a",` + members + `}]}` }
	tests := map[string]struct {
		raw     string
		pointer string
		says    string // part of the message or of the hint
	}{
		"no object":              {`[]`, "", "must be an object"},
		"no JSON":                {`{"id":`, "", ""},
		"no id":                  {`{"steps":[]}`, "", "id is missing"},
		"bad id":                 {`{"id":"a b","steps":[]}`, "/id", "not a workflow id"},
		"no steps":               {`{"id":"w"}`, "", "steps is missing"},
		"steps are no list":      {`{"id":"w","steps":{}}`, "/steps", "must be a list"},
		"unknown key":            {`{"id":"w","stpes":[],"steps":[]}`, "/stpes", `did you mean "steps"?`},
		"unknown key with a /":   {`{"id":"w","st/e~s":[],"steps":[]}`, "/st~1e~0s", "unknown key"},
		"no target":              {step(`"action":"y"`), "/steps/0", "does not say what to do"},
		"no integration":         {step(`"type":"integration","action":"y"`), "/steps/0", "integration is missing"},
		"two integrations":       {step(`"type":"stripe","integration":"database","action":"y"`), "/steps/0/integration", "give one of them"},
		"no action":              {step(`"type":"stripe"`), "/steps/0", "action is missing"},
		"null action":            {step(`"type":"stripe","action":null`), "/steps/0/action", "must be a string"},
		"params are no object":   {step(`"type":"stripe","action":"y","params":[1]`), "/steps/0/params", "must be an object"},
		"unknown root":           {step(`"type":"stripe","action":"y","params":{"a":{"b":"{{inptu.x}}"}}`), "/steps/0/params/a/b", `did you mean "input"?`},
		"root of elsewhere":      {step(`"type":"stripe","action":"y","params":{"a":"{{payload.x}}"}`), "/steps/0/params/a", "not available here"},
		"secret in data":         {step(`"type":"stripe","action":"y","params":{"a":"{{env.KEY}}"}`), "/steps/0/params/a", "secret"},
		"bad condition":          {step(`"type":"stripe","action":"y","condition":"{{input.x}} ==="`), "/steps/0/condition", ""},
		"unknown step":           {step(`"type":"stripe","action":"y","params":{"a":"{{steps.b.result.id}}"}`), "/steps/0/params/a", `no step "b"`},
		"its own result":         {step(`"type":"stripe","action":"y","params":{"a":"{{steps.a.result.id}}"}`), "/steps/0/params/a", "cannot be read here"},
		"not a result":           {step(`"type":"stripe","action":"y"},{"id":"b","type":"x","action":"y","params":{"a":"{{steps.a.status}}"}`), "/steps/1/params/a", "has a result"},
		"later step":             {step(`"type":"stripe","action":"y","params":{"a":"{{steps.b.result.id}}"}},{"id":"b","type":"x","action":"y"`), "/steps/0/params/a", "cannot be read here"},
		"later step, condition":  {step(`"type":"stripe","action":"y","condition":"{{steps.b.result.ok}}"},{"id":"b","type":"x","action":"y"`), "/steps/0/condition", "cannot be read here"},
		"same id twice":          {step(`"type":"stripe","action":"y"},{"id":"a","type":"x","action":"y"`), "/steps/1/id", "unique"},
		"attempts":               {step(`"type":"s","action":"y","retry":{"maxAttempts":0}`), "/steps/0/retry/maxAttempts", "from 1 to"},
		"attempts are no number": {step(`"type":"s","action":"y","retry":{"maxAttempts":"3"}`), "/steps/0/retry/maxAttempts", "integer"},
		"interval":               {step(`"type":"s","action":"y","retry":{"initialInterval":"soon"}`), "/steps/0/retry/initialInterval", "duration"},
		"interval order":         {step(`"type":"s","action":"y","retry":{"initialInterval":"2m","maxInterval":"1m"}`), "/steps/0/retry/maxInterval", "less than"},
		"multiplier":             {step(`"type":"s","action":"y","retry":{"multiplier":0.5}`), "/steps/0/retry/multiplier", "from 1 to"},
		"retry key":              {step(`"type":"s","action":"y","retry":{"attempts":3}`), "/steps/0/retry/attempts", "unknown key"},
		"wait when undone": {step(`"type":"s","action":"y","compensate":[{"id":"b","type":"sequence","steps":[{"id":"c","type":"waitForEvent","event":"e"}]}]`),
			"/steps/0/compensate/0/steps/0", "needs a timeout"},
		"return when undone": {step(`"type":"s","action":"y","compensate":[{"id":"b","type":"return"}]`), "/steps/0/compensate/0/type", "cannot return"},
		"codes":              {step(`"type":"s","action":"y","retry":{"nonRetryable":[1]}`), "/steps/0/retry/nonRetryable/0", "string"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(test.raw), InputRoots)
			var faults template.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("error = %v, want faults", err)
			}
			for _, f := range faults {
				if f.Pointer == test.pointer && strings.Contains(f.Message+" "+f.Hint, test.says) {
					return
				}
			}
			t.Errorf("no fault at %q that says %q, but:\n%v", test.pointer, test.says, faults)
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	_, err := Parse([]byte(`{"id":"a b","steps":[{"type":"x"},{"action":"y","params":{"a":"{{nope.b}}"}}],"extra":1}`), InputRoots)
	var faults template.Faults
	if !errors.As(err, &faults) || len(faults) != 5 {
		t.Errorf("faults:\n%v\nwant 5", err)
	}
}

func TestWhatAFaultyDefinitionNamesCanStillBeChecked(t *testing.T) {
	d, err := Parse([]byte(`{"id":"w","steps":[5,{"type":"x","action":"y","params":{"a":"{{nope.b}}"}},{"type":"z","action":"y","timeout":1}]}`), InputRoots)
	var faults template.Faults
	if !errors.As(err, &faults) || len(faults) != 3 {
		t.Fatalf("faults:\n%v\nwant 3", err)
	}
	steps := d.Steps.Steps
	if len(steps) != 2 || steps[0].Integration != "x" || steps[0].Params != nil || steps[1].Integration != "z" || steps[1].Params == nil {
		t.Errorf("steps = %+v", steps)
	}
	if steps[0].Pointer != "/steps/1" {
		t.Errorf("the step stands at %s", steps[0].Pointer)
	}
	if d, err := Parse([]byte(`[]`), InputRoots); d != nil || err == nil {
		t.Errorf("no object reads as %v, %v", d, err)
	}
}

func TestTheTwoWaysToNameAnIntegrationMeanTheSame(t *testing.T) {
	for _, target := range []string{
		`"type":"integration","integration":"database"`, `"type":"database"`, `"integration":"database"`, `"type":"database","integration":"database"`,
	} {
		d, err := Parse([]byte(`{"id":"w","steps":[{`+target+`,"action":"insert"}]}`), InputRoots)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		if s := d.Steps.Steps[0]; s.Integration != "database" || s.Action != "insert" || s.ID != "step-1" {
			t.Errorf("%s: step = %s %s.%s", target, s.ID, s.Integration, s.Action)
		}
	}
}

// TestADefinitionThatWasKeptIsReadWhateverIsFoundOutLater: what a newer version calls a
// fault must not keep a run from going on.
func TestADefinitionThatWasKeptIsReadWhateverIsFoundOutLater(t *testing.T) {
	for _, step := range []string{
		`"type":"set","values":{},"condition":"'{{input.a}}' === 'x'"`, `"type":"set","values":{},"condition":"'5' === 5"`,
		`"type":"set","values":{},"condition":"input.items[-1] === 1"`, `"type":"waitForEvent","event":"a/b"`, `"type":"foreach","items":null,"steps":[{"type":"set","values":{}}]`,
	} {
		raw := []byte(`{"id":"w","steps":[{"id":"s",` + step + `}]}`)
		if _, err := Parse(raw, InputRoots); err == nil {
			t.Errorf("%s is new and is taken", step)
		}
		if _, err := Reparse(raw, InputRoots, FirstDefaults); err != nil {
			t.Errorf("%s was kept: %v", step, err)
		}
	}
}

func TestActionsOfAWebhookSeeItsEvent(t *testing.T) {
	raw := `[{"condition":"{{payload.type}} === 'payment_intent.succeeded'","type":"database","action":"insert",
	  "params":{"table":"payments","data":{"stripe_id":"{{payload.data.object.id}}","amount":"{{payload.data.object.amount}}"}}}]`
	d, err := ParseActions("webhook:stripe-events", Actions{Steps: []byte(raw)}, EventRoots)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Reparse(d.Raw, d.Roots(), d.Defaults)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash != d.Hash || again.ID != d.ID || again.Steps.Steps[0].ID != d.Steps.Steps[0].ID {
		t.Errorf("a kept definition reads as %s %s, was %s %s", again.ID, again.Hash, d.ID, d.Hash)
	}
	filtered, err := ParseActions("webhook:stripe-events", Actions{Steps: []byte(raw), Filter: "{{payload.a}} === \"b\""}, EventRoots)
	if err != nil {
		t.Fatal(err)
	}
	if again, err = Reparse(filtered.Raw, filtered.Roots(), filtered.Defaults); err != nil || again.Hash != filtered.Hash || again.Hash == d.Hash || again.Filter.String() != filtered.Filter.String() {
		t.Errorf("a kept definition with a filter reads as %s %v, was %s %v: %v", again.Hash, again.Filter, filtered.Hash, filtered.Filter, err)
	}
	if _, err := Parse(filtered.Raw, EventRoots); err == nil {
		t.Error("a workflow may have a filter")
	}
	_, err = ParseActions("webhook:x", Actions{Steps: []byte(`[{"type":"database","action":"insert","params":{"a":"{{input.x}}"}}]`)}, EventRoots)
	var faults template.Faults
	if !errors.As(err, &faults) || faults[0].Pointer != "/0/params/a" {
		t.Errorf("error = %v, want a fault at /0/params/a", err)
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add([]byte(processOrder))
	f.Add([]byte(`{"id":"w","steps":[{"type":"x","action":"y","retry":{"multiplier":1e300,"maxAttempts":99999999999999999999}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse(raw, InputRoots)
		if err != nil {
			return
		}
		m := NewMachine(d, "run-1")
		if err := m.Apply(Event{Type: EventStarted, At: noon}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.Advance(noon, everything()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOnlyTheParamsOfACallCanReadResultsOfItsInnerCalls(t *testing.T) {
	const text = `{{results[0].id}}`
	if _, err := Parse([]byte(`{"id":"w","steps":[{"type":"vendor","action":"all","params":{"a":"`+text+`"}}]}`), InputRoots); err != nil {
		t.Error(err)
	}
	for _, step := range []string{
		`{"type":"set","values":{"a":"` + text + `"}}`, `{"type":"workflow","workflow":"x","input":{"a":"` + text + `"}}`,
		`{"type":"return","output":"` + text + `"}`, `{"type":"vendor","action":"all","condition":"` + text + ` === 1"}`,
		`{"type":"foreach","items":"` + text + `","steps":[]}`, `{"type":"fail","message":"` + text + `"}`,
	} {
		if _, err := Parse([]byte(`{"id":"w","steps":[`+step+`]}`), InputRoots); err == nil || !strings.Contains(err.Error(), `unknown name "results"`) {
			t.Errorf("%s: %v", step, err)
		}
	}
}
