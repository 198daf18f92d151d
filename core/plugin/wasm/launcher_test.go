package wasm

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
	"github.com/backflow/backflow/sdk"
)

// writeModule writes a module to a file of its own and returns the file's path.
func writeModule(t *testing.T, module []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(path, module, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestModuleOfOneContentIsSharedAndClosedWithTheLast(t *testing.T) {
	launcher := NewLauncher("")
	launch := func(spec plugin.Spec) *instance {
		i, err := launcher.Launch(t.Context(), spec, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return i.(*instance)
	}
	first := launch(plugin.Spec{Name: "a", Path: writeModule(t, wasmtest.Respond(`"a"`))})
	second := launch(plugin.Spec{Name: "b", Path: writeModule(t, wasmtest.Respond(`"a"`))})
	if first.module != second.module {
		t.Error("the same content was compiled twice")
	}
	soft := launch(plugin.Spec{Name: "c", Path: writeModule(t, wasmtest.Respond(`"a"`)), WASM: plugin.WASM{Deadline: plugin.DeadlineSoft}})
	if first.module == soft.module {
		t.Error("a guest that can be interrupted and one that cannot have the same code")
	}
	for _, i := range []*instance{first, soft} {
		if err := i.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := second.Execute(t.Context(), time.Time{}, sdk.Call{Action: "any"}); err != nil {
		t.Errorf("closing one instance broke the other: %v", err)
	}
	if err := launcher.Close(); err == nil {
		t.Error("the launcher does not notice that an instance is left")
	}
	if err := second.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := launcher.Close(); err != nil {
		t.Error(err)
	}
}
