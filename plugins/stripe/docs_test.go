package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

var update = flag.Bool("update", false, "write the parts of docs/stripe.md that are made from the manifest")

const documentPath = "../../docs/stripe.md"

// made matches a part of the page that is made from the manifest, by its name.
var made = regexp.MustCompile(`(?s)(<!-- made from the manifest by make docs: (\w+) -->\n).*?(<!-- end of what make docs makes -->)`)

// TestThePageListsEveryAction compares the parts of the page that are made, or writes
// them with -update.
func TestThePageListsEveryAction(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"actions": actionTables(t), "deprecated": deprecatedOperations(t)}
	var found []string
	want := made.ReplaceAllStringFunc(string(raw), func(part string) string {
		match := made.FindStringSubmatch(part)
		found = append(found, match[2])
		return match[1] + parts[match[2]] + match[3]
	})
	if diff := cmp.Diff([]string{"actions", "deprecated"}, found); diff != "" {
		t.Fatalf("the parts of the page:\n%s", diff)
	}
	if *update {
		if err := os.WriteFile(documentPath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Errorf("run make docs:\n%s", diff)
	}
}

// actionTables has a table for each resource, and links to them.
func actionTables(t *testing.T) string {
	t.Helper()
	var titles []string
	rows := map[string][]string{}
	for _, action := range newServed().Manifest().Actions {
		title := "Any operation"
		if named := namedActions()[action.Name]; named != nil {
			title = resource(action.HTTP.Path)
		}
		if !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
		rows[title] = append(rows[title], fmt.Sprintf("| `%s` | `%s %s` | %s | %s | %s | %s |\n",
			action.Name, action.HTTP.Method, action.HTTP.Path, action.Description, paramsOf(t, action), repeatOf(action), rightsOf(action)))
	}
	links := make([]string, len(titles))
	for i, title := range titles {
		links[i] = fmt.Sprintf("[%s](#%s)", title, strings.ToLower(strings.ReplaceAll(title, " ", "-")))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s.\n", strings.Join(links, ",\n"))
	for _, title := range titles {
		fmt.Fprintf(&out, "\n### %s\n\n| action | below `/integrations/stripe` | what it does | params | a repeat | right of a restricted key |\n| --- | --- | --- | --- | --- | --- |\n%s",
			title, strings.Join(rows[title], ""))
	}
	return out.String() + "\n"
}

// resource is the title of what a path is about: "/payment-intents/:id" is about
// "Payment intents".
func resource(path string) string {
	words := strings.Split(strings.TrimPrefix(path, "/"), "/")
	title := strings.ReplaceAll(words[0], "-", " ")
	if words[0] == "checkout" || words[0] == "billing-portal" {
		title += " " + words[1]
	}
	return strings.ToUpper(title[:1]) + title[1:]
}

// paramsOf names the required params, and says how many others there are.
func paramsOf(t *testing.T, action sdk.ActionSpec) string {
	t.Helper()
	var schema struct {
		Required   []string
		Properties map[string]json.RawMessage
	}
	if err := json.Unmarshal(action.Params, &schema); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range schema.Required {
		names = append(names, "`"+name+"`")
	}
	if others := len(schema.Properties) - len(names); others > 0 && len(names) > 0 {
		names = append(names, fmt.Sprintf("%d more", others))
	} else if others > 0 {
		names = append(names, fmt.Sprintf("%d, none required", others))
	}
	return strings.Join(names, ", ")
}

// repeatOf says what a repeat does.
func repeatOf(action sdk.ActionSpec) string {
	switch {
	case !action.Writes:
		return "reads"
	case len(action.Variants) > 0:
		return "as the operation"
	case action.Repeat == sdk.RepeatNative:
		return fmt.Sprintf("by the key, %v h", action.KeyLifetime.Hours())
	}
	return string(action.Repeat)
}

// rightsOf names what a restricted key needs.
func rightsOf(action sdk.ActionSpec) string {
	switch {
	case len(action.Variants) > 0:
		return "as the operation"
	case len(action.Permissions) == 0:
		return "none"
	}
	return strings.Join(action.Permissions, ", ")
}

// deprecatedOperations lists the operations that Stripe advises against.
func deprecatedOperations(t *testing.T) string {
	t.Helper()
	description, err := embeddedDescription()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, id := range description.IDs() {
		if operation := description.Operation(id); operation.Deprecated() {
			fmt.Fprintf(&out, "- `%s` (`%s %s`)\n", id, operation.Method(), operation.Path())
		}
	}
	return "\n" + out.String() + "\n"
}

// TestTheDocumentIsTrue holds what can be held against the plugin: the params
// of the examples, the endpoints and the list of events.
func TestTheDocumentIsTrue(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	document := string(raw)
	manifest := newServed().Manifest()

	shown := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(document, -1) {
		var example struct {
			Action string
			Params json.RawMessage
		}
		if err := json.Unmarshal([]byte(block[1]), &example); err != nil {
			t.Errorf("%v in %s", err, block[1])
			continue
		}
		if example.Action == "" {
			continue
		}
		shown[example.Action] = true
		if faults := check(t, example.Action, string(example.Params)); len(faults) > 0 {
			t.Errorf("%s: %v", example.Action, faults)
		}
	}
	for _, action := range []string{"createPaymentIntent", "createCustomer", "createSubscription", "getSubscription", "cancelSubscription", "call", "read"} {
		if !shown[action] || !strings.Contains(document, "### "+action+"\n") {
			t.Errorf("%s is not described", action)
		}
	}

	events := regexp.MustCompile("(?s)```text\n(.*?)\n```").FindStringSubmatch(document)
	if events == nil {
		t.Fatal("no list of events")
	}
	if diff := cmp.Diff(manifest.Webhook.EventTypes, strings.Split(events[1], "\n")); diff != "" {
		t.Error(diff)
	}
}
