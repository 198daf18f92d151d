package e2e

import (
	"os"
	"path/filepath"
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

func TestNewFilesOfWorkflowsAndMigrationsAreNoticed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	folder := filepath.Join(h.Dir, "configs", "flows")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(dir, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flow := func(id string) string {
		return `{ "id": "` + id + `", "steps": [{ "id": "a", "type": "set", "values": {} }] }`
	}
	put(folder, "one.json", flow("one"))
	h.edits = append(h.edits, program.Edit{Old: `"workflows": [{`, New: `"workflows": ["flows/*", {`})
	g := h.serve(t)
	has := func(id string) bool { return g.Get("/workflows/"+id).Status == 200 }
	for _, name := range []string{"._one.json", ".#two.json", "two.json~", ".two.json.swp", "4913", "#two.json#", ".DS_Store"} {
		put(folder, name, "no workflow")
	}
	put(folder, "two.json", flow("two"))
	testkit.Eventually(t, eventually, "the new file is read", func() bool { return has("two") })
	if !has("one") {
		t.Error("the workflow of before is gone")
	}
	put(folder, "three.json", `{ "id": "three", "steps": [{ "id": "a", "type": "sett" }] }`)
	testkit.Eventually(t, eventually, "the log tells of a wrong one", func() bool {
		_, log := g.Output()
		return strings.Contains(log, "three.json:1:")
	})
	put(folder, "three.json", flow("three"))
	testkit.Eventually(t, eventually, "it is read once it is mended", func() bool { return has("three") })
	if err := os.Remove(filepath.Join(folder, "two.json")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, eventually, "the removed file's workflow is gone", func() bool { return !has("two") })

	insert := func() int {
		return g.Post("/integrations/database/actions/insert", `{"table":"notes","data":{"text":"x"}}`).Status
	}
	if insert() == 200 {
		t.Fatal("there is a table before its migration")
	}
	migrations := filepath.Join(h.Dir, "configs", "migrations")
	put(migrations, "._00900_notes.sql", "no SQL")
	put(migrations, "00900_notes.sql", "-- +goose Up\nCREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);\n")
	testkit.Eventually(t, eventually, "the new migration is applied", func() bool { return insert() == 200 })
	put(migrations, "00901_wrong.sql", "-- +goose Up\nCREATE TABEL x;\n")
	testkit.Eventually(t, eventually, "a wrong one is told", func() bool {
		return strings.Contains(g.Get("/integrations/database").Text("status.rejected"), "00901_wrong.sql")
	})
	if insert() != 200 {
		t.Error("the database is gone with a wrong migration")
	}
}
