package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheDocumentIsTrue holds what can be held against the plugin: the params
// of the examples, the endpoints and the list of events.
func TestTheDocumentIsTrue(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/stripe.md")
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
	for _, action := range manifest.Actions {
		if !shown[action.Name] || !strings.Contains(document, "### "+action.Name+"\n") {
			t.Errorf("%s is not described", action.Name)
		}
		if line := "| `" + action.HTTP.Method + " " + action.HTTP.Path + "` | [`" + action.Name + "`]"; !strings.Contains(document, line) {
			t.Errorf("no line %s", line)
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
