package main

import (
	"encoding/json"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
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

// TestNoSampleIsProposedThatWouldBeRefused: a signature over the URL needs the URL.
func TestNoSampleIsProposedThatWouldBeRefused(t *testing.T) {
	t.Parallel()
	signs := func(content string) config.WebhookCustom {
		return config.WebhookCustom{Header: "X-Signature", Algorithm: "sha256", Encoding: "hex", Content: content}
	}
	cfg := &config.Config{Webhooks: []config.Webhook{
		{Name: "signs-url", Provider: provider.Custom, Custom: signs("{{url}}{{body}}")}, {Name: "other", Provider: provider.Custom, Custom: signs("{{body}}")},
	}}
	plan := &compile.Plan{Config: cfg}
	types := func(name string) int { return len(eventTypesOf(plan, &action.Registry{}, name)) }
	if types("signs-url") != 0 || types("other") == 0 {
		t.Errorf("without publicUrl: %d of the one, %d of the other", types("signs-url"), types("other"))
	}
	cfg.Server.PublicURL = "https://hooks.example.com"
	if types("signs-url") == 0 {
		t.Error("with publicUrl there is none")
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
