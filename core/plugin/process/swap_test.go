package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk/value"
)

// install puts the fixture at a path, in one step, with a mark behind it that makes
// another content of it. Another process writes it: a plugin of a parallel test that
// is started meanwhile would inherit the open file, which then could not be run.
func install(t testing.TB, to, mark string) {
	t.Helper()
	script := `cat "$1" >"$2.new" && printf %s "$3" >>"$2.new" && chmod 700 "$2.new" && mv "$2.new" "$2"`
	if output, err := exec.Command("/bin/sh", "-c", script, "sh", path("fixture"), to, mark).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}

// installed is a fixture at a path of its own.
func installed(t testing.TB) plugin.Member {
	t.Helper()
	member := fixture("")
	member.Spec.Path = filepath.Join(t.TempDir(), plugin.FilePrefix+"fixture")
	install(t, member.Spec.Path, "")
	return member
}

func TestNoCallFailsWhileTheFileIsReplacedUnderLoad(t *testing.T) {
	member := installed(t)
	p := startWatched(t, member)
	const callers, swaps = 64, 5
	var stop atomic.Bool
	var calls atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for !stop.Load() {
				if _, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))}); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	pids := map[string]bool{call(t, p, "pid", `{}`): true}
	for i := range swaps {
		install(t, member.Spec.Path, strconv.Itoa(i))
		eventually(t, "the new file is in force", func() bool {
			pid := call(t, p, "pid", `{}`)
			known := pids[pid]
			pids[pid] = true
			return !known
		})
	}
	stop.Store(true)
	wg.Wait()
	if restarts := p.Status().Restarts; restarts != 0 {
		t.Errorf("%d restarts", restarts)
	}
	t.Logf("%d calls over %d swaps", calls.Load(), swaps)
	last := call(t, p, "pid", `{}`)
	for pid := range pids {
		if pid != last && runtime.GOOS == "linux" {
			eventually(t, "the replaced process ends", func() bool { return !alive(pid) })
		}
	}
}

func TestAPinnedPluginStaysWhenItsFileIsReplaced(t *testing.T) {
	member := installed(t)
	pin, err := plugin.Checksum(member.Spec.Path)
	if err != nil {
		t.Fatal(err)
	}
	member.Spec.SHA256 = pin
	p := startWatched(t, member)
	pid := pidOf(t, p)
	if runtime.GOOS == "linux" {
		program := "/proc/" + strconv.Itoa(pid) + "/exe"
		if sum, err := plugin.Checksum(program); err != nil || sum != pin {
			t.Errorf("what runs has the checksum %s: %v", sum, err)
		}
		if target, err := os.Readlink(program); err != nil || target == member.Spec.Path {
			t.Errorf("what runs is %s, which others may write to: %v", target, err)
		}
	}
	install(t, member.Spec.Path, "another")
	actual, err := plugin.Checksum(member.Spec.Path)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new file is rejected", func() bool { return p.Status().Rejected != "" })
	for _, part := range []string{"expected sha256 " + pin, "actual " + actual, `put "sha256": "` + actual + `"`} {
		if rejected := p.Status().Rejected; !strings.Contains(rejected, part) {
			t.Errorf("%q does not hold %q", rejected, part)
		}
	}
	if p.Status().State != action.StateReady || pidOf(t, p) != pid {
		t.Error("the pinned one does not run any more")
	}
	// It can even be started again, from the bytes that were checked.
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pinned one is back", func() bool {
		result, err := p.Execute(t.Context(), action.Call{Action: "pid", Params: value.TrustedDoc([]byte(`{}`))})
		return err == nil && string(result.Body) != strconv.Itoa(pid)
	})
	eventually(t, "the new file is rejected again", func() bool { return p.Status().Rejected != "" })
	install(t, member.Spec.Path, "")
	eventually(t, "the right file is no fault", func() bool { return p.Status().Rejected == "" })
}

func TestAPluginIsKeptFromANewFileThatDoesNotStart(t *testing.T) {
	member := installed(t)
	p := startWatched(t, member)
	pid := pidOf(t, p)
	if err := os.WriteFile(member.Spec.Path+".new", []byte("#!/bin/sh\necho no such library >&2; exit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(member.Spec.Path+".new", member.Spec.Path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new file is rejected", func() bool { return strings.Contains(p.Status().Rejected, "no such library") })
	if pidOf(t, p) != pid {
		t.Error("the old one does not run any more")
	}
}

// The thread that starts all plugins would wait for as long as nothing writes to the
// pipe.
func TestAPipeInPlaceOfAPluginHoldsNothingUp(t *testing.T) {
	for name, pinned := range map[string]bool{"pinned": true, "not pinned": false} {
		t.Run(name, func(t *testing.T) {
			member := installed(t)
			if pinned {
				pin, err := plugin.Checksum(member.Spec.Path)
				if err != nil {
					t.Fatal(err)
				}
				member.Spec.SHA256 = pin
			}
			p := startWatched(t, member)
			pid := pidOf(t, p)
			if err := syscall.Mkfifo(member.Spec.Path+".new", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(member.Spec.Path+".new", member.Spec.Path); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the pipe is rejected", func() bool { return strings.Contains(p.Status().Rejected, "it is a pipe") })
			if pidOf(t, p) != pid {
				t.Error("the old one does not run any more")
			}
		})
	}
}
