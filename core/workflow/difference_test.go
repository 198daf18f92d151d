package workflow

import (
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// broken is a workflow whose step "charge" fails until it names the right amount.
// What each test changes in it stands in brackets of its own.
const broken = `{"id":"w","steps":[
	{"id":"reserve","type":"shop","action":"pay","params":{"sku":"{{input.sku}}","qty":1},"retry":{"maxAttempts":2}},
	{"id":"each","type":"foreach","items":["a","b"],"steps":[
		{"id":"pack","type":"shop","action":"tell","params":{"item":"{{item}}"}},
		{"id":"weigh","type":"shop","action":"tell"}]},
	{"id":"choose","type":"switch","cases":[{"when":"{{input.sku}} === 's'","steps":[
		{"id":"label","type":"shop","action":"tell"},
		{"id":"charge","type":"shop","action":"pay","params":{"amount":"{{input.wrong}}"}},
		{"id":"receipt","type":"shop","action":"tell"}]}],
		"default":[{"id":"other","type":"shop","action":"tell"}]},
	{"id":"last","type":"set","values":{"n":1}}]}`

// fails runs broken until it has failed at "charge".
func fails(t *testing.T) *harness {
	t.Helper()
	w := newHarness(t, broken, `{"sku":"s","right":5,"wrong":-5}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if call.Path == "choose.charge" && strings.Contains(string(call.Params.Raw()), "-5") {
			return "", refused()
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunFailed)
	return w
}

func TestARunGoesOnWithTheDefinitionThatMendsIt(t *testing.T) {
	for name, change := range map[string][]string{
		"nothing":                       {"", ""},
		"the params of the failed step": {`input.wrong`, `input.right`},
		"its action":                    {`"type":"shop","action":"pay","params":{"amount":"{{input.wrong}}"}`, `"type":"integration","integration":"shop","action":"tell"`},
		"a condition on it":             {`"id":"charge",`, `"id":"charge","condition":"{{input.sku}} === 'x'",`},
		"a step before it":              {`{"id":"charge"`, `{"id":"check","type":"set","values":{}},{"id":"charge"`},
		"its timeout and compensate":    {`"id":"charge",`, `"id":"charge","timeout":"1m","compensate":[{"id":"refund","type":"shop","action":"tell"}],`},
		"steps that have not begun":     {`{"id":"receipt","type":"shop","action":"tell"}`, `{"id":"thanks","type":"set","values":{}}`},
		"a case that was not taken":     {`{"id":"other","type":"shop","action":"tell"}`, `{"id":"another","type":"shop","action":"tell"}`},
		"the last step": {`,
	{"id":"last","type":"set","values":{"n":1}}`, ``},
		"names, and retries of what is done": {`"id":"reserve",`, `"id":"reserve","name":"Reserve","timeout":"1h",`},
		"how a step is written":              {`"id":"reserve","type":"shop"`, `"id":"reserve","type":"integration","integration":"shop"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := fails(t)
			next := parse(t, strings.ReplaceAll(strings.Replace(broken, change[0], change[1], 1), "input.wrong", "input.right"))
			if faults := w.m.Differences(next, nil); len(faults) > 0 {
				t.Fatalf("differences: %v", faults)
			}
			again := NewMachine(next, "run-1")
			for _, event := range w.log {
				apply(t, again, event)
			}
			w.d, w.m = next, again
			before := len(w.calls)
			w.record(w.m.Retry(nil, w.now))
			w.run()
			w.ended(RunSucceeded)
			for _, path := range w.calls[before:] {
				if !strings.HasPrefix(path, "choose.") || path == "choose.label" {
					t.Errorf("%s was called again", path)
				}
			}
		})
	}
}

func TestADefinitionThatChangesWhatIsDoneIsToldWithItsPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		was, is string
		want    []string // pointer and a part of the message, for each difference
	}{
		"params of a step that is done": {`"qty":1`, `"qty":2`, []string{"/steps/0/params/qty step reserve: it is done"}},
		"a param more":                  {`"qty":1`, `"qty":1,"a/b":2`, []string{"/steps/0/params/a~1b step reserve"}},
		"its action":                    {`"reserve","type":"shop","action":"pay"`, `"reserve","type":"shop","action":"tell"`, []string{"/steps/0/action step reserve"}},
		"its integration":               {`"reserve","type":"shop"`, `"reserve","type":"bank"`, []string{"/steps/0/type step reserve: it is done, and called shop"}},
		"a condition on it":             {`"id":"reserve",`, `"id":"reserve","condition":"{{input.sku}} === 's'",`, []string{"/steps/0/condition step reserve"}},
		"its onError":                   {`"id":"reserve",`, `"id":"reserve","onError":"continue",`, []string{"/steps/0/onError step reserve"}},
		"its type":                      {`{"id":"reserve","type":"shop","action":"pay","params":{"sku":"{{input.sku}}","qty":1},"retry":{"maxAttempts":2}}`, `{"id":"reserve","type":"set","values":{}}`, []string{"/steps/0/type step reserve has begun with the type integration, which is set now"}},
		"its id":                        {`"id":"reserve"`, `"id":"hold"`, []string{" step reserve has begun, and is not there any more", "/steps/1 step each is done, and came after reserve; now it comes after hold"}},
		"a step before it":              {`{"id":"reserve"`, `{"id":"new","type":"set","values":{}},{"id":"reserve"`, []string{"/steps/1 step reserve is done, and came after none; now it comes after new"}},
		"what it waits for":             {`"id":"each",`, `"id":"each","dependsOn":[],`, []string{"/steps/1 step each is done, and came after reserve; now it comes after none", "/steps/1/dependsOn step each"}},
		"the items of a loop":           {`["a","b"]`, `["a","c"]`, []string{"/steps/1/items/1 step each: it is done"}},
		"a step in a loop that is done": {`{"item":"{{item}}"}`, `{"item":"{{index}}"}`, []string{"/steps/1/steps/0/params/item step pack: it is done"}},
		"one more step in it":           {`{"id":"weigh","type":"shop","action":"tell"}`, `{"id":"weigh","type":"shop","action":"tell"},{"id":"seal","type":"set","values":{}}`, []string{"/steps/1/steps step each: it is done, and the steps in it are not what they were"}},
		"the order in it": {`{"id":"pack","type":"shop","action":"tell","params":{"item":"{{item}}"}},
		{"id":"weigh","type":"shop","action":"tell"}`, `{"id":"weigh","type":"shop","action":"tell"},{"id":"pack","type":"shop","action":"tell","params":{"item":"{{item}}"}}`, []string{"/steps/1/steps step each"}},
		"the condition of the case":           {`{{input.sku}} === 's'`, `{{input.sku}} !== 'x'`, []string{"/steps/2/cases/0/when step choose: it has begun"}},
		"a case before it":                    {`"cases":[`, `"cases":[{"when":"false","steps":[]},`, []string{"/steps/2/cases step choose", "/steps/2"}},
		"a step in the case":                  {`{"id":"label","type":"shop","action":"tell"}`, `{"id":"label","type":"shop","action":"pay"}`, []string{"/steps/2/cases/0/steps/0/action step label"}},
		"the failed step is gone":             {`{"id":"charge","type":"shop","action":"pay","params":{"amount":"{{input.right}}"}},`, ``, []string{" step charge has begun, and is not there any more"}},
		"the failed step does something else": {`"type":"shop","action":"pay","params":{"amount":"{{input.right}}"}`, `"type":"set","values":{}`, []string{"/steps/2/cases/0/steps/1/type step charge has begun"}},
		"the onError of the failed step":      {`"id":"charge",`, `"id":"charge","onError":"continue",`, []string{"/steps/2/cases/0/steps/1/onError step charge has begun"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := fails(t)
			mended := strings.ReplaceAll(broken, "input.wrong", "input.right")
			if !strings.Contains(mended, test.was) {
				t.Fatal("nothing is changed")
			}
			next, err := Parse([]byte(strings.Replace(mended, test.was, test.is, 1)), InputRoots)
			if err != nil {
				t.Fatal(err)
			}
			faults := w.m.Differences(next, nil)
			for _, want := range test.want {
				if !slices.ContainsFunc(faults, func(f sdk.Fault) bool { return strings.Contains(f.Pointer+" "+f.Message, want) }) {
					t.Errorf("no difference %q in %v", want, faults)
				}
			}
			if len(test.want) > 0 && len(faults) > 2*len(test.want) {
				t.Errorf("one change makes %d differences: %v", len(faults), faults)
			}
		})
	}
}

func TestStepsThatDealWithAFailureAreComparedToo(t *testing.T) {
	const raw = `{"id":"w","steps":[{"id":"a","type":"shop","action":"pay","onError":[
		{"id":"note","type":"shop","action":"tell"},{"id":"mend","type":"shop","action":"pay","params":{"x":1}}]}]}`
	w := newHarness(t, raw, `{}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if call.Action == "pay" {
			return "", refused()
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunFailed)
	if faults := w.m.Differences(parse(t, strings.Replace(raw, `"x":1`, `"x":2`, 1)), nil); len(faults) > 0 {
		t.Errorf("the step that failed last may change: %v", faults)
	}
	faults := w.m.Differences(parse(t, strings.Replace(raw, `"tell"`, `"say"`, 1)), nil)
	if len(faults) != 1 || faults[0].Pointer != "/steps/0/onError/0/action" {
		t.Errorf("differences: %v", faults)
	}
}

func TestAChildThatGoesOnKeepsItsStep(t *testing.T) {
	const raw = `{"id":"w","steps":[{"id":"c","type":"workflow","workflow":"child","input":{"x":1}}]}`
	w := newHarness(t, raw, `{}`)
	w.run()
	event, _ := w.m.ChildEnded(w.m.Children()[0].ID, RunFailed, document(`null`), &Failure{Err: refused()}, "", w.now)
	w.record(event)
	w.ended(RunFailed)
	next := parse(t, strings.Replace(raw, `"x":1`, `"x":2`, 1))
	if faults := w.m.Differences(next, nil); len(faults) > 0 {
		t.Errorf("another child may be started with another input: %v", faults)
	}
	if faults := w.m.Differences(next, []string{"c"}); len(faults) != 1 || faults[0].Pointer != "/steps/0/input/x" {
		t.Errorf("differences: %v", faults)
	}
}

func TestDifferencesAreBounded(t *testing.T) {
	params := func(v string) string {
		list := make([]string, 200)
		for i := range list {
			list[i] = v
		}
		return `{"id":"w","steps":[{"id":"a","type":"set","values":{"x":[` + strings.Join(list, ",") + `]}},{"id":"b","type":"fail","message":"no"}]}`
	}
	w := newHarness(t, params("1"), `{}`)
	w.run()
	w.ended(RunFailed)
	if n := len(w.m.Differences(parse(t, params("2")), nil)); n != MaxDifferences {
		t.Errorf("%d differences are listed, want %d", n, MaxDifferences)
	}
}

func TestAStepWhoseEffectStandsKeepsItsParams(t *testing.T) {
	const raw = `{"id":"w","steps":[{"id":"a","type":"shop","action":"pay","params":{"x":1}}]}`
	w := newHarness(t, raw, `{}`)
	w.does = func(Call) (string, *sdk.Error) {
		return "", &sdk.Error{Code: sdk.CodeResultTooLarge, Message: "too large", Final: true, Outcome: sdk.OutcomeExecuted}
	}
	w.run()
	w.ended(RunFailed)
	faults := w.m.Differences(parse(t, strings.Replace(raw, `"x":1`, `"x":2`, 1)), nil)
	if len(faults) != 1 || faults[0].Pointer != "/steps/0/params/x" || !strings.Contains(faults[0].Message, "it took effect") {
		t.Errorf("differences: %v", faults)
	}
}
