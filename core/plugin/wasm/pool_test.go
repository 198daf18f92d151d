package wasm

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
)

func TestIdleGuestsAreClosed(t *testing.T) {
	file := writeModule(t, wasmtest.Respond(`"a"`))
	synctest.Test(t, func(t *testing.T) {
		launched, err := NewLauncher("").Launch(t.Context(), plugin.Spec{Name: "tiny", Path: file}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		i := launched.(*instance)
		busy := func(n int) (release func()) {
			var guests []*guest
			for range n {
				g := i.pool.get()
				if g == nil {
					if g, err = newGuest(t.Context(), time.Time{}, i.module, i.lines, i.http); err != nil {
						t.Fatal(err)
					}
					i.pool.add(g)
				}
				guests = append(guests, g)
			}
			return func() {
				for _, g := range guests {
					i.pool.put(g)
				}
			}
		}
		wait := func(d time.Duration, want int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			i.pool.mu.Lock()
			got := len(i.pool.idle)
			i.pool.mu.Unlock()
			if got != want {
				t.Errorf("%d guests are idle, want %d", got, want)
			}
		}
		busy(5)()
		wait(idleTimeout/2, 5)
		busy(2)() // the ones used last are used again
		wait(idleTimeout/2, 2)
		wait(idleTimeout/2, 1)
		wait(10*idleTimeout, 1)
		release := busy(3)
		wait(10*idleTimeout, 0)
		release()
		wait(idleTimeout, 1)
		busy(3)()
		if err := i.Close(context.Background()); err != nil {
			t.Error(err)
		}
		wait(idleTimeout, 0)
	})
}
