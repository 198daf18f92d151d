package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// rename gives process-order of an example another id.
func rename(id string) program.Edit {
	return program.Edit{Old: `"id": "process-order"`, New: `"id": "` + id + `"`}
}

func TestAChangedConfigIsPutInForceAndABrokenOneIsNot(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		has := func(id string) bool { return g.Get("/workflows/"+id).Status == 200 }
		id := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", order)).Text("id")

		h.WriteExample(h.store, append([]program.Edit{rename("take-order")}, h.edits...)...)
		testkit.Eventually(t, eventually, "the file is read again by itself", func() bool { return has("take-order") })
		if has("process-order") {
			t.Error("the workflow that was taken out is still there")
		}
		program.Want(t, 200, g.Post("/workflows/take-order/runs?wait=30s", order))
		if run := program.Want(t, 200, g.Get("/runs/"+id)); run.Text("workflow") != "process-order" {
			t.Errorf("a run of before: %s", run.Body)
		}

		broken := program.Edit{Old: `"action": "createCustomer"`, New: `"action": "createCustomr"`}
		h.WriteExample(h.store, append([]program.Edit{rename("never"), broken}, h.edits...)...)
		g.Signal(syscall.SIGHUP)
		testkit.Eventually(t, eventually, "the log says what is wrong", func() bool {
			_, log := g.Output()
			return strings.Contains(log, "createCustomr")
		})
		if has("never") || !has("take-order") {
			t.Error("a broken config was put in force")
		}
		program.Want(t, 200, g.Post("/workflows/take-order/runs?wait=30s", order))

		h.WriteExample(h.store, h.edits...)
		g.Signal(syscall.SIGHUP)
		testkit.Eventually(t, eventually, "the repaired config is in force", func() bool { return has("process-order") })
	})
}
