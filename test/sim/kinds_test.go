package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/workflow"
)

func TestEveryTypeOfStepIsGenerated(t *testing.T) {
	t.Parallel()
	a := &author{Rand: rand.New(rand.NewPCG(1, 1)), root: "input", lower: []string{"w0"}}
	generated := map[workflow.Type]bool{}
	for range 200 {
		d, err := workflow.Parse(encode(object{"id": "w", "steps": a.steps(4)}), workflow.InputRoots)
		if err != nil {
			t.Fatal(err)
		}
		d.Walk(func(s *workflow.Step) { generated[s.Type] = true })
	}
	var names []string
	for name := range generated {
		names = append(names, string(name))
	}
	slices.Sort(names)
	if diff := cmp.Diff(workflow.StepTypes(), names); diff != "" {
		t.Errorf("the simulation generates other types of steps (-table +generated):\n%s", diff)
	}
}
