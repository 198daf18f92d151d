package engine

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

func TestARunWhoseStartWasInDoubtGoesOnIfItWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{Store: memory.New(memory.Options{}), apply: true}
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, twoSteps)
		defer g.stop()
		store.fail(1)
		id := NewRunID()
		_, err := g.Start(t.Context(), StartRequest{ID: id, Workflow: "two", Roots: input(`{"x":1}`)})
		if !errors.Is(err, state.ErrUnavailable) {
			t.Fatalf("error = %v", err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}
