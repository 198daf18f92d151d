package statetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/backflow/backflow/core/state"
)

// crashWorkers commit at once in a crash test.
const crashWorkers = 8

// Load commits from several goroutines until ctx ends or a commit fails, each
// worker to its own journal, and calls acknowledged after every commit that
// returned, from several goroutines at once. Entries of a journal, members of a
// set, records and timers are written together, so that Verify can detect
// a commit that was applied in part. It returns the workers' errors, except the
// end of ctx.
func Load(ctx context.Context, s state.Store, round string, acknowledged func(id string)) error {
	var wg sync.WaitGroup
	errs := make([]error, crashWorkers)
	for worker := range crashWorkers {
		wg.Go(func() {
			journal := fmt.Sprintf("%s-%d", round, worker)
			for seq := 0; ctx.Err() == nil; seq++ {
				id := fmt.Sprintf("%s/%06d", journal, seq)
				err := s.Commit(ctx,
					state.Append(journal, seq, []byte(id)),
					state.Insert("crash", id, []byte(strings.Repeat(id, 20)), 0),
					state.Add("crash", id),
					state.SetTimerAfter("crash", id, 0))
				if err != nil {
					if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
						errs[worker] = err
					}
					return
				}
				acknowledged(id)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Verify checks what Load left in a store: all that was acknowledged is there,
// and every commit is there as a whole or not at all.
func Verify(t *testing.T, s state.Store, rounds []string, acknowledged []string) {
	t.Helper()
	var appended []string
	for _, round := range rounds {
		for worker := range crashWorkers {
			id := fmt.Sprintf("%s-%d", round, worker)
			for seq, entry := range journal(t, s, id, 0) {
				if want := fmt.Sprintf("%s/%06d", id, seq); entry != want {
					t.Fatalf("entry %d of journal %s is %q", seq, id, entry)
				}
				appended = append(appended, entry)
			}
		}
	}
	slices.Sort(appended)
	for _, id := range acknowledged {
		if _, found := slices.BinarySearch(appended, id); !found {
			t.Fatalf("acknowledged commit %s is lost", id)
		}
	}
	if members := list(t, s, state.Range{Set: "crash", Limit: 1 << 30}); !slices.Equal(members, appended) {
		t.Fatalf("half a commit: %d entries and %d members", len(appended), len(members))
	}
	if timers, _ := due(t, s, "crash", 1<<30); !equalSets(timers, appended) {
		t.Fatalf("half a commit: %d entries and %d timers", len(appended), len(timers))
	}
	for _, id := range appended {
		if got := get(t, s, "crash", id); string(got) != strings.Repeat(id, 20) {
			t.Fatalf("half a commit: entry and record of %s", id)
		}
	}
	// Nothing is applied but what workers committed, one after the other: at
	// most one commit of each worker can be unacknowledged in each round.
	if extra := len(appended) - len(acknowledged); extra > crashWorkers*len(rounds) {
		t.Fatalf("%d commits were applied and not acknowledged", extra)
	}
}

func equalSets(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// Child is the test binary run again as a process that a test may kill. It
// prints the id of each commit that was acknowledged to it.
type Child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// StartChild runs the test binary with env added to its environment. Its
// TestMain must recognise it there, call ServeLoad and exit.
func StartChild(t *testing.T, env ...string) *Child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &Child{cmd: cmd, lines: bufio.NewScanner(out)}
}

// KillAfter reads n acknowledged ids, kills the child as kill -9 does, and
// returns all ids that it had printed.
func (c *Child) KillAfter(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	for c.lines.Scan() {
		ids = append(ids, c.lines.Text())
		if len(ids) == n {
			if err := c.cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = c.cmd.Wait() // the error says that it was killed
	if len(ids) < n {
		t.Fatalf("the child ended after %d of %d commits", len(ids), n)
	}
	return ids
}

// ServeLoad is the child's part: Load that prints to w until it is killed.
func ServeLoad(s state.Store, round string, w io.Writer) error {
	var mu sync.Mutex
	return Load(context.Background(), s, round, func(id string) {
		mu.Lock()
		defer mu.Unlock()
		// One write is one line, whole in the pipe or not there.
		_, _ = io.WriteString(w, id+"\n") // an error means that the reader is gone: the kill is near
	})
}
