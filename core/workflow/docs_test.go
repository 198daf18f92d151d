package workflow

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	section  = regexp.MustCompile("^#{2,3} (.+?)(?:: `([A-Za-z]+)`)?$")
	tableRow = regexp.MustCompile("^\\| `([A-Za-z]+)` \\|")
)

// documented reads the sections of docs/workflows.md: by the step type that
// ends a heading, or by the heading, the keys in the section's tables.
func documented(t *testing.T) (types, sections map[string][]string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	types, sections = map[string][]string{}, map[string][]string{}
	into, name := sections, ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimRight(line, "\n")
		if found := section.FindStringSubmatch(line); found != nil {
			into, name = sections, found[1]
			if found[2] != "" {
				into, name = types, found[2]
			}
			into[name] = nil
		} else if found := tableRow.FindStringSubmatch(line); found != nil {
			into[name] = append(into[name], found[1])
		}
	}
	return types, sections
}

func TestTheManualDescribesEveryTypeOfStepWithItsKeys(t *testing.T) {
	types, sections := documented(t)
	want := map[string][]string{}
	for name, k := range kinds {
		want[string(name)] = k.keys
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("docs/workflows.md has other types or keys (-table +docs):\n%s", diff)
	}
	if diff := cmp.Diff(commonKeys, sections["A step"]); diff != "" {
		t.Errorf("docs/workflows.md has other keys of every step (-table +docs):\n%s", diff)
	}
	if diff := cmp.Diff(definitionKeys, sections["A workflow"]); diff != "" {
		t.Errorf("docs/workflows.md has other keys of a workflow (-table +docs):\n%s", diff)
	}
}

func TestTheManualNamesTheWordsThatNoIntegrationMayHave(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "a step type (")
	list, _, _ = strings.Cut(list, ")")
	var names []string
	for _, found := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(list, -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	if diff := cmp.Diff(StepTypes(), names); diff != "" {
		t.Errorf("docs/configuration.md names other step types (-table +docs):\n%s", diff)
	}
}
