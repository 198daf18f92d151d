// Command precompile compiles WASM plugins into a directory of machine code:
//
//	precompile DIR FILE...
//
// Tests run it in a process of its own, because a test under the race detector
// would compile twenty times as long.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/wasm"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, files []string) error {
	launcher := wasm.NewLauncher(dir)
	for _, file := range files {
		for _, deadline := range []plugin.Deadline{plugin.DeadlineHard, plugin.DeadlineSoft} {
			spec := plugin.Spec{Name: "precompiled", Path: file, WASM: plugin.WASM{Deadline: deadline}}
			instance, err := launcher.Launch(ctx, spec, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			if err := instance.Close(ctx); err != nil {
				return err
			}
		}
	}
	return launcher.Close()
}
