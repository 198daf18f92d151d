package condition_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

const guide = "../../docs/templates.md"

// TestGuideIsTrue runs the examples of the guide. A block marked "scope" is the
// data for those that follow; in blocks marked "templates" and "conditions" each
// line is SOURCE => RESULT, where the result is JSON, or "error: TEXT" for an
// error at run time, or "fault: TEXT" for one when the source is compiled.
func TestGuideIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	var scope template.Map
	counts := map[string]int{}
	for i, block := range strings.Split(string(text), "```") {
		if i%2 == 0 {
			continue // prose
		}
		info, body, _ := strings.Cut(block, "\n")
		_, mark, _ := strings.Cut(info, " ")
		if mark == "scope" {
			scope = template.Map(parse(t, body).(map[string]any))
			continue
		}
		for line := range strings.Lines(body) {
			counts[mark]++
			check(t, mark, strings.TrimSpace(line), scope)
		}
	}
	if counts["templates"] < 40 || counts["conditions"] < 40 || len(counts) != 2 {
		t.Errorf("the guide has examples %v; were its marks changed?", counts)
	}
}

func check(t *testing.T, mark, line string, scope template.Scope) {
	t.Helper()
	src, want, ok := strings.Cut(line, " => ")
	if !ok {
		t.Errorf("no => in %q", line)
		return
	}
	src = strings.TrimSpace(src)
	stage, got, err := "fault: ", any(nil), error(nil)
	switch mark {
	case "templates":
		var tpl *template.Template
		if tpl, err = template.Compile(parse(t, src), template.Options{}); err == nil {
			stage = "error: "
			got, err = tpl.Render(scope)
		}
	case "conditions":
		var c *condition.Condition
		if c, err = condition.Compile(src, template.Options{}); err == nil {
			stage = "error: "
			got, err = c.Eval(scope)
		}
	default:
		t.Errorf("unknown mark %q", mark)
		return
	}
	if err != nil {
		text, ok := strings.CutPrefix(want, stage)
		if !ok || !strings.Contains(err.Error(), text) {
			t.Errorf("%s\n got %s%v\nwant %s", src, stage, err, want)
		}
		return
	}
	if strings.HasPrefix(want, "error: ") || strings.HasPrefix(want, "fault: ") {
		t.Errorf("%s\n got %v\nwant %s", src, got, want)
		return
	}
	// Compared as text, since 19.990 and 19.99 are equal values.
	gotText, err := value.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if wantText, err := value.Marshal(parse(t, want)); err != nil || string(gotText) != string(wantText) {
		t.Errorf("%s\n got %s\nwant %s", src, gotText, wantText)
	}
}

func parse(t *testing.T, s string) any {
	t.Helper()
	v, err := value.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func TestGuideNamesTheRootsAndLimitsThatHold(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{
		fmt.Sprintf("| a rendered template | %d bytes |", template.DefaultMaxBytes),
		fmt.Sprintf("| nesting of arrays and objects | %d levels |", value.MaxDepth),
		fmt.Sprintf("| a number, its exponent | %d bytes, %d |", value.MaxNumberLen, value.MaxExponent),
		fmt.Sprintf("| a condition | %d bytes, nested %d levels |", condition.MaxSource, condition.MaxNesting),
		fmt.Sprintf("| a string that `toLowerCase` takes | %d bytes |", condition.MaxString),
	}
	for _, root := range template.Roots() {
		rows = append(rows, "`"+root+"`")
	}
	for _, row := range rows {
		if !strings.Contains(string(text), row) {
			t.Errorf("the guide lacks %s", row)
		}
	}
}
