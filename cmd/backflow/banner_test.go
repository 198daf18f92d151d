package main

import (
	"encoding/json"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
)

// TestTheSampleThatIsProposedIsTheOneThatTheConditionNames, where the name of another
// type is a part of it.
func TestTheSampleThatIsProposedIsTheOneThatTheConditionNames(t *testing.T) {
	t.Parallel()
	types := []string{"a.opened", "transfer.created", "treasury.inbound_transfer.created"}
	for condition, want := range map[string]string{
		`{{payload.type}} === 'treasury.inbound_transfer.created'`: "treasury.inbound_transfer.created",
		`{{payload.type}} === 'transfer.created'`:                  "transfer.created",
		`{{payload.type}} === 'x'`:                                 "a.opened",
	} {
		raw, err := json.Marshal([]any{map[string]any{"type": "set", "condition": condition, "values": map[string]any{"x": 1}}})
		if err != nil {
			t.Fatal(err)
		}
		definition, err := workflow.ParseActions(event.WorkflowID("w"), workflow.Actions{Steps: raw}, []string{"payload"})
		if err != nil {
			t.Fatal(err)
		}
		if got := sampleEvent([]compile.Definition{{Definition: definition}}, "w", types); got != want {
			t.Errorf("%s: %s, want %s", condition, got, want)
		}
	}
}

// TestTheInputThatIsProposedIsTheExampleOfTheSchema, with its numbers
// as they are written.
func TestTheInputThatIsProposedIsTheExampleOfTheSchema(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"examples": [{ "b": 20.10, "a": 1 }, {}]}`:   `{"a":1,"b":20.10}`,
		`{"examples": []}`:                             `{"a":"…"}`,
		`{"properties": {"examples": {"const": [1]}}}`: `{"a":"…"}`,
	} {
		definition, err := workflow.Parse([]byte(`{"id": "w", "input": `+schema+`, "steps": [{"type": "x", "action": "y", "params": {"p": "{{input.a}}"}}]}`), workflow.InputRoots)
		if err != nil {
			t.Fatal(err)
		}
		if got := sampleInput(compile.Definition{Definition: definition}, &action.Registry{}); got != want {
			t.Errorf("%s: %s, want %s", schema, got, want)
		}
	}
}
