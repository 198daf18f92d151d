package mermaid

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/workflow"
)

var update = flag.Bool("update", false, "write the golden files")

func parse(t *testing.T, raw []byte) *workflow.Definition {
	t.Helper()
	d, err := workflow.Parse(raw, workflow.InputRoots)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryTypeOfStepIsDrawn(t *testing.T) {
	raw, err := os.ReadFile("testdata/order.json")
	if err != nil {
		t.Fatal(err)
	}
	got := Flowchart(parse(t, raw))
	const golden = "testdata/order.mmd"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-golden +drawn):\n%s", diff)
	}
}

func TestNothingToDoIsDrawn(t *testing.T) {
	got := Flowchart(parse(t, []byte(`{"id":"w","steps":[]}`)))
	if want := "flowchart TD\n  begin([\"w\"])\n  finish([\"end\"])\n  begin --> finish\n"; got != want {
		t.Errorf("drawn: %s", got)
	}
}

func TestNoTextOfADefinitionLeavesItsLabel(t *testing.T) {
	got := Flowchart(parse(t, []byte(`{"id":"w","steps":[
	  {"id":"a","type":"acme\"]; click x \"https://evil","action":"<script>`+"`"+`#\nend","condition":"'\"]' === 'x'"}]}`)))
	for _, bad := range []string{`acme"`, "<script", "`", "\nend", `"]'`} {
		if strings.Contains(got, bad) {
			t.Errorf("%q stands in\n%s", bad, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 6 {
		t.Errorf("%d lines:\n%s", n, got)
	}
}
