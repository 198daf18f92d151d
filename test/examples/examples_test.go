package examples

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// expectation is what a run of an example comes to.
type expectation struct {
	input, signal string // in place of the example's own
	status        string
	output        string // JSON; a string "*" stands for anything
	code          string // of the error
	steps         map[string]string
}

var expected = map[string][]expectation{
	"integration": {
		{status: "succeeded", output: `{"payment":"*"}`, steps: map[string]string{"create-customer": "succeeded", "create-payment": "succeeded", "tell-sales": "skipped"}},
		{input: `{"email":"ann@example.com","amount":100000}`, status: "succeeded", output: `{"payment":"*"}`, steps: map[string]string{"tell-sales": "succeeded"}},
	},
	"sequence": {{status: "succeeded", output: `{"told":"2 of A-1"}`, steps: map[string]string{"pack-and-tell": "succeeded", "pack-and-tell.pack": "succeeded"}}},
	"parallel": {{status: "succeeded", output: `{"customer":"customer","sku":"A-1"}`, steps: map[string]string{"both.customer": "succeeded", "both.shipment": "succeeded"}}},
	"foreach": {
		{status: "succeeded", output: `[{"number":0,"sku":"A-1"},{"number":1,"sku":"B-7"}]`, steps: map[string]string{"each[0].ship": "succeeded", "each[1].line": "succeeded"}},
		{input: `{"lines":[]}`, status: "succeeded", output: `[]`},
		{input: `{"lines":[{"sku":"A-1","quantity":0}]}`, status: "failed", code: "invalid_params", steps: map[string]string{"each[0].ship": "failed", "each": "failed"}},
	},
	"switch": {
		{status: "succeeded", output: `{"by":"letter"}`},
		{input: `{"grams":1001}`, status: "succeeded", output: `{"by":"parcel"}`},
		{input: `{"grams":30001}`, status: "succeeded", output: `{"by":"truck"}`},
	},
	"wait": {
		{status: "succeeded", output: `{"text":"it is time"}`},
		{input: `{"pause":"soon","until":"2026-01-31T12:00:00Z"}`, status: "failed", code: "invalid_params", steps: map[string]string{"a-moment": "failed", "the-time": "pending"}},
	},
	"wait-for-event": {{status: "succeeded", output: `{"where":"the door"}`}},
	"workflow": {
		{status: "succeeded", output: `{"shipped":"A-1"}`},
		{input: `{"sku":null}`, status: "failed", code: "invalid_params", steps: map[string]string{"shipping": "failed"}},
	},
	"set":  {{status: "succeeded", output: `{"subject":"Dear Ann Lee","language":"en"}`}},
	"fail": {{status: "failed", code: "too_young", steps: map[string]string{"adult": "failed", "welcome": "pending"}}, {input: `{"age":18}`, status: "succeeded", output: `null`}},
	"return": {
		{status: "succeeded", output: `{"place":2,"value":12}`},
		{input: `{"list":[3],"over":10}`, status: "failed", code: "not_found"},
	},
	"on-error": {
		{status: "succeeded", output: `{"problem":"invalid_params","shipped":null}`, steps: map[string]string{"insert": "failed", "insert.onError.tell": "succeeded", "unimportant": "failed"}},
		{input: `{"sku":"A-1","quantity":1}`, status: "succeeded", output: `{"problem":"none","shipped":"*"}`},
	},
	"depends-on":  {{status: "succeeded", output: `{"text":"Bern for 700"}`}},
	"concurrency": {{status: "succeeded", output: `{"customer":"ann","amount":700}`}},
	"schedule": {
		{status: "succeeded", output: `"the last 7 days agree"`},
		{input: `{"days":1}`, status: "succeeded", output: `"the last 1 days agree"`}, // as the schedule starts it
	},
	"input-output": {
		{status: "succeeded", output: `{"line":{"sku":"A-1","quantity":3},"run":"price"}`},
		{input: `{"sku":"A-1"}`, status: "succeeded", output: `{"line":{"sku":"A-1","quantity":1},"run":"price"}`},
	},
	"approval": {
		{status: "succeeded", output: `{"amount":250000,"approvedBy":"ann"}`},
		{signal: `{"approved":false,"by":"bob"}`, status: "failed", code: "not_approved", steps: map[string]string{"payment": "pending"}},
		{signal: `null`, status: "failed", code: "not_approved"},
	},
	"saga": {
		{
			status: "failed", code: "invalid_params",
			steps: map[string]string{
				"subscription": "compensated", "subscription.compensate.end-subscription": "succeeded",
				"welcome": "compensated", "welcome.compensate.apologise": "succeeded", "ship": "failed",
			},
		},
		{input: `{"customer":"cus_123","price":"price_456","sku":"A-1","quantity":1}`, status: "succeeded", output: `{"subscription":"subscription"}`},
	},
	"fan-out": {{status: "succeeded", output: `[{"customer":"ann","paid":700},{"customer":"bob","paid":0,"problem":"invalid_params"},{"customer":"cem","paid":300}]`}},
}

func TestEveryExampleRunsAsItSays(t *testing.T) {
	all := examples(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(expected))); diff != "" {
		t.Errorf("examples without expectations, and the other way round (-examples +expectations):\n%s", diff)
	}
	for name, e := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := e.site(t)
			if code, out, stderr := s.Run("validate", "--allow-unset-env", "-c", s.Config()); code != 0 {
				t.Fatalf("validate: exit code %d: %s%s", code, out, stderr)
			}
			g := s.Dev()
			for _, want := range expected[name] {
				want.check(t, s, g, e)
			}
			if code := g.Stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// check runs an example once.
func (want expectation) check(t *testing.T, s *program.Site, g *program.Gateway, e example) {
	t.Helper()
	start, signal := e.start, e.signal
	if want.input != "" {
		start = with(start, "--input", want.input)
	}
	if want.signal != "" {
		signal = with(signal, "--body", want.signal)
	}
	code, out, stderr := s.Run(start...)
	if signal != nil {
		id, _ := lastLine(t, out)
		if code != 0 || id == "" {
			t.Fatalf("%q: exit code %d: %s%s", start, code, out, stderr)
		}
		testkit.Eventually(t, 30*time.Second, "the run waits", func() bool {
			return program.Want(t, http.StatusOK, g.In(t).Get("/runs/"+id)).Text("status") == "waiting"
		})
		signal = slices.Clone(signal)
		signal[slices.Index(signal, "RUN")] = id
		code, out, stderr = s.Run(signal...)
	}
	if out == "" {
		t.Fatalf("%q: exit code %d: %s", start, code, stderr)
	}
	_, run := lastLine(t, out)
	if run.Status != want.status || run.Error.Code != want.code || (code == 0) != (want.status == "succeeded") {
		t.Errorf("%q: exit code %d, status %s, error %q: %s", start, code, run.Status, run.Error.Code, out)
	}
	if want.output != "" {
		var output any
		decode(t, want.output, &output)
		if diff := cmp.Diff(output, run.Output, cmp.FilterValues(anything, cmp.Ignore())); diff != "" {
			t.Errorf("%q: output (-want +got):\n%s", start, diff)
		}
	}
	statuses := map[string]string{}
	for _, step := range run.Steps {
		statuses[step.Path] = step.Status
	}
	for path, status := range want.steps {
		if statuses[path] != status {
			t.Errorf("%q: step %s is %q, not %s; steps: %v", start, path, statuses[path], status, statuses)
		}
	}
}

// anything reports whether a value is wanted to be there, whatever it is.
func anything(a, b any) bool { return a == any("*") && b != nil || b == any("*") && a != nil }

func TestEveryTypeOfStepHasAnExampleAndEveryExampleIsExplained(t *testing.T) {
	all := examples(t)
	var text strings.Builder
	for _, e := range all {
		text.WriteString(e.text)
	}
	for _, name := range workflow.StepTypes() {
		if !strings.Contains(text.String(), `"type": "`+name+`"`) {
			t.Errorf("no example has a step of type %s", name)
		}
	}
	page, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "workflows.md"))
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{}
	for _, found := range regexp.MustCompile(`\(\.\./configs/examples/([a-z-]+)\.json\)`).FindAllStringSubmatch(string(page), -1) {
		linked[found[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(linked))); diff != "" {
		t.Errorf("docs/workflows.md (-examples +linked):\n%s", diff)
	}
}

func TestTheInputOfAScheduleIsHeldAgainstItsWorkflow(t *testing.T) {
	t.Parallel()
	e := examples(t)["schedule"]
	s := e.site(t)
	s.WriteConfig("examples/schedule.json", strings.Replace(e.text, `"input": { "days": 1 }`, `"input": { "days": 0 }`, 1))
	if code, out, _ := s.Run("validate", "-c", s.Config()); code != 1 || !strings.Contains(out, "days") || !strings.Contains(out, "at least 1") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestInputThatDoesNotFitStartsNothing(t *testing.T) {
	t.Parallel()
	e := examples(t)["input-output"]
	s := e.site(t)
	s.Dev()
	code, out, stderr := s.Run(with(e.start, "--input", `{"sku":"a","quantity":0,"colour":"red"}`)...)
	for _, pointer := range []string{"/sku", "/quantity", "/colour"} {
		if !strings.Contains(stderr, pointer) {
			t.Errorf("%s is not told: %s", pointer, stderr)
		}
	}
	if code != 1 || out != "" {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, out, _ := s.Run("runs", "list", "--format", "json"); !strings.Contains(out, `"data": []`) {
		t.Errorf("runs: %s", out)
	}
}
