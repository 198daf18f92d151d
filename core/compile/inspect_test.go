package compile

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/plugin"
)

// hanging starts nothing until it is given up.
type hanging struct{}

func (hanging) Launch(ctx context.Context, _ plugin.Spec, _ *slog.Logger) (plugin.Instance, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestPluginsThatHangCostOneStartAndAreTold(t *testing.T) {
	dir := t.TempDir()
	names := []string{"anna", "bert", "carl"}
	var steps []string
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, plugin.FilePrefix+name), []byte("#!/bin/sh\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, `{ "id": "`+name+`", "type": "`+name+`", "action": "go" }`)
	}
	file := filepath.Join(dir, "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "pluginDirs": ["."], "workflows": [{ "id": "w", "steps": [`+strings.Join(steps, ",")+`] }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var told [][]string
		var after time.Duration
		began := time.Now()
		p, err := Load(file, Options{Awaiting: func(plugins []string) { told, after = append(told, plugins), time.Since(began) }})
		if err != nil || p.Err() != nil {
			t.Fatal(err, p.Err())
		}
		p.CheckManifests(t.Context(), hanging{})
		if took := time.Since(began); took != plugin.StartTimeout {
			t.Errorf("it took %s, one start has %s", took, plugin.StartTimeout)
		}
		if len(told) != 1 || !slices.Equal(told[0], names) || after != inspectPatience {
			t.Errorf("told is %q after %s", told, after)
		}
		faults := p.Err().Error()
		for _, name := range names {
			if !strings.Contains(faults, "plugin "+name+": it has not started within 30 seconds") {
				t.Errorf("nothing is said of %s: %s", name, faults)
			}
		}
	})
}
