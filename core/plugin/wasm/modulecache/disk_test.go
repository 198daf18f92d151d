package modulecache

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/backflow/backflow/core/plugin/wasm/internal/wasmtest"
	"github.com/backflow/backflow/sdk/abi"
)

// newCache returns a cache of plugins that may import the gateway's functions, but
// do not call them.
func newCache(dir string) *Cache {
	return New(dir, func(ctx context.Context, r wazero.Runtime, _ wazero.CompiledModule) error {
		i32, unused := api.ValueTypeI32, api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
		builder := r.NewHostModuleBuilder(abi.HostModule)
		builder.NewFunctionBuilder().WithGoModuleFunction(unused, []api.ValueType{i32, i32}, nil).Export(abi.HostLog)
		builder.NewFunctionBuilder().WithGoModuleFunction(unused, []api.ValueType{i32, i32}, []api.ValueType{i32}).Export(abi.HostSend)
		builder.NewFunctionBuilder().WithGoModuleFunction(unused, []api.ValueType{i32}, nil).Export(abi.HostReceive)
		_, err := builder.Instantiate(ctx)
		return err
	})
}

// call starts a guest of a file and returns the result of a request to it.
func call(t *testing.T, c *Cache, file string) string {
	t.Helper()
	sum, err := Checksum(file)
	if err != nil {
		t.Error(err)
		return ""
	}
	m, err := c.Acquire(t.Context(), Key{SHA256: sum, MemoryPages: 1024}, file)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() {
		if err := m.Release(); err != nil {
			t.Error(err)
		}
	}()
	guest, err := m.Instantiate(t.Context(), wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() {
		if err := guest.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	place, err := guest.ExportedFunction(abi.ExportCall).Call(t.Context(), 0)
	if err != nil {
		t.Error(err)
		return ""
	}
	content, ok := guest.Memory().Read(uint32(place[0]>>32), uint32(place[0]))
	if !ok {
		t.Error("the result is outside of the memory")
		return ""
	}
	frame, err := abi.Parse(content)
	if err != nil {
		t.Error(err)
		return ""
	}
	for tag, body := range frame.Fields() {
		if tag == abi.Body {
			return string(body)
		}
	}
	return ""
}

// write makes a file with a module.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, wasmtest.Respond(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// entries returns the entries of a directory of machine code.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMachineCodeIsTakenFromTheDirectory(t *testing.T) {
	dir, file := t.TempDir(), write(t, "a.wasm", `"a"`)
	var before os.FileInfo
	for range 3 {
		if got := call(t, newCache(dir), file); got != `"a"` {
			t.Fatalf("got %s", got)
		}
		kept := entries(t, dir)
		if len(kept) != 1 {
			t.Fatalf("the directory holds %q", kept)
		}
		_, now, err := machineCode(kept[0])
		if err != nil || before != nil && !os.SameFile(before, now) {
			t.Fatalf("it was compiled again: %v", err)
		}
		before = now
	}
}

// The path of a file of machine code is too long, that of its directory is not:
// wazero fails as it does on a full disk.
func TestAModuleRunsWhereItsMachineCodeCannotBeWritten(t *testing.T) {
	longest := 4096 // with the zero at its end
	if runtime.GOOS == "darwin" {
		longest = 1024
	}
	dir := t.TempDir()
	for left := longest - 60 - len(dir); left > 1; left = longest - 60 - len(dir) {
		dir = filepath.Join(dir, strings.Repeat("d", min(left-1, 200)))
	}
	if got := call(t, newCache(dir), write(t, "a.wasm", `"a"`)); got != `"a"` {
		t.Errorf("got %s", got)
	}
	if kept := entries(t, dir); len(kept) != 0 {
		t.Errorf("the directory holds %q", kept)
	}
}

func TestDamagedMachineCodeIsMadeAgain(t *testing.T) {
	file := write(t, "a.wasm", `"a"`)
	code := func(t *testing.T, entry string) string {
		name, _, err := machineCode(entry)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	change := func(t *testing.T, path string, how func([]byte) []byte) {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, how(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(t *testing.T, entry string){
		"no code": func(t *testing.T, entry string) {
			if err := os.Remove(code(t, entry)); err != nil {
				t.Fatal(err)
			}
		},
		"torn code": func(t *testing.T, entry string) {
			change(t, code(t, entry), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"other code": func(t *testing.T, entry string) {
			change(t, code(t, entry), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		},
		"code of another version": func(t *testing.T, entry string) {
			change(t, code(t, entry), func(b []byte) []byte { b[8] ^= 1; return b })
		},
		"code for another processor": func(t *testing.T, entry string) {
			if err := os.Rename(code(t, entry), code(t, entry)[:len(code(t, entry))-1]); err != nil {
				t.Fatal(err)
			}
		},
		"no stripped module": func(t *testing.T, entry string) {
			if err := os.Remove(filepath.Join(entry, strippedFile)); err != nil {
				t.Fatal(err)
			}
		},
		"empty stripped module": func(t *testing.T, entry string) {
			change(t, filepath.Join(entry, strippedFile), func([]byte) []byte { return nil })
		},
		"other stripped module": func(t *testing.T, entry string) {
			change(t, filepath.Join(entry, strippedFile), func([]byte) []byte { return wasmtest.Respond(`"b"`) })
		},
		"an empty entry": func(t *testing.T, entry string) {
			if err := os.RemoveAll(entry); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(entry, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			call(t, newCache(dir), file)
			damage(t, entries(t, dir)[0])
			for range 2 {
				if got := call(t, newCache(dir), file); got != `"a"` {
					t.Errorf("got %q", got)
				}
			}
			kept := entries(t, dir)
			if len(kept) != 1 {
				t.Fatalf("the directory holds %q", kept)
			}
			if stripped, err := os.ReadFile(filepath.Join(kept[0], strippedFile)); err != nil || strings.Contains(string(stripped), `"b"`) {
				t.Errorf("the entry was not made again: %v", err)
			}
			if _, _, err := machineCode(kept[0]); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnusedMachineCodeIsRemoved(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now()
	now := begin
	cache := newCache(dir)
	cache.disk.now = func() time.Time { return now }
	unfinished := filepath.Join(dir, workPrefix+"left")
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}
	old, used := write(t, "old.wasm", `"old"`), write(t, "used.wasm", `"used"`)
	call(t, cache, old)
	call(t, cache, used)
	if _, err := os.Stat(unfinished); err != nil {
		t.Error("what another gateway makes was removed")
	}
	now = begin.Add(20 * 24 * time.Hour)
	call(t, cache, used)
	now = begin.Add(31 * 24 * time.Hour)
	call(t, cache, write(t, "new.wasm", `"new"`))
	if kept := entries(t, dir); len(kept) != 2 {
		t.Errorf("the directory holds %q", kept)
	}

	// The bound on all: only what was made last stays.
	cache.disk.maxBytes = 1
	last := write(t, "last.wasm", `"last"`)
	call(t, cache, last)
	kept := entries(t, dir)
	if len(kept) != 1 {
		t.Fatalf("the directory holds %q", kept)
	}
	_, before, err := machineCode(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	call(t, cache, last)
	if _, after, err := machineCode(kept[0]); err != nil || !os.SameFile(before, after) {
		t.Errorf("what was made last was removed: %v", err)
	}
}

func TestGatewaysShareADirectoryOfMachineCode(t *testing.T) {
	dir := t.TempDir()
	files := []string{write(t, "a.wasm", `"a"`), write(t, "b.wasm", `"b"`), write(t, "c.wasm", `"c"`)}
	var gateways sync.WaitGroup
	for range 4 {
		gateways.Go(func() {
			cache := newCache(dir)
			// Each removes what the others have just made.
			cache.disk.maxBytes = 1
			for n := range 30 {
				file := files[n%len(files)]
				if got, want := call(t, cache, file), `"`+strings.TrimSuffix(filepath.Base(file), ".wasm")+`"`; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
	gateways.Wait()
}

func TestPluginWorksWhereNothingCanBeKept(t *testing.T) {
	file := write(t, "a.wasm", `"a"`)
	// A file where the directory would be.
	if got := call(t, newCache(file), file); got != `"a"` {
		t.Errorf("got %s", got)
	}
}

func TestDirectoryOfMachineCodeIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.Mkdir(dir, 0o777); err != nil { // as someone careless made it
		t.Fatal(err)
	}
	call(t, newCache(dir), write(t, "a.wasm", `"a"`))
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
