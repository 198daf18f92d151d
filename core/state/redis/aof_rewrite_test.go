package redis

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/core/state/statetest"
)

// logOf finds the file that a server appends to.
func logOf(t *testing.T, server *redistest.Server) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(server.Dir(), "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the log of Redis 7 or later is not found: %q, %v", files, err)
	}
	return files[0]
}

// tear kills a server and shortens its log as if the kill had come while its last
// transaction was written: the log ends inside that command of the transaction,
// counted from 1 after MULTI.
func tear(t *testing.T, server *redistest.Server, command int) {
	t.Helper()
	server.Kill()
	file := logOf(t, server)
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.LastIndex(log, []byte("\r\nMULTI\r\n"))
	for range command {
		next := bytes.Index(log[end+1:], []byte("\r\n*"))
		if end < 0 || next < 0 {
			t.Fatalf("the last transaction has fewer than %d commands:\n%s", command, log)
		}
		end += 1 + next
	}
	if err := os.Truncate(file, int64(end+len("\r\n*3\r\n$"))); err != nil {
		t.Fatal(err)
	}
}

// commitOf returns what statetest.Verify expects as commit seq of a worker.
func commitOf(worker, seq int) (string, []state.Op) {
	journal := fmt.Sprintf("r-%d", worker)
	id := fmt.Sprintf("%s/%06d", journal, seq)
	return id, []state.Op{
		state.Append(journal, seq, []byte(id)),
		state.Insert("crash", id, []byte(strings.Repeat(id, 20)), 0),
		state.Add("crash", id),
		state.SetTimerAfter("crash", id, 0),
	}
}

// TestCommitThatWasTornIsNeitherThereTwiceNorInPart kills the server while it
// writes a commit, repeats the commit or not, and kills the server again.
func TestCommitThatWasTornIsNeitherThereTwiceNorInPart(t *testing.T) {
	for _, repeated := range []bool{true, false} {
		for command := 1; command <= 6; command++ { // the marker, four effects, EXEC
			t.Run(fmt.Sprintf("command %d, repeated %t", command, repeated), func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t, redistest.Options{AppendFsync: always})
				s := open(t, Options{URL: server.URL(), RetryFor: time.Minute})
				var accepted []string
				commit := func(worker, seq int) {
					t.Helper()
					id, ops := commitOf(worker, seq)
					if err := s.Commit(t.Context(), ops...); err != nil {
						t.Fatal(err)
					}
					accepted = append(accepted, id)
				}
				commit(0, 0)
				_, torn := commitOf(1, 0)
				if err := s.Commit(t.Context(), torn...); err != nil {
					t.Fatal(err)
				}
				tear(t, server, command)
				server.Restart()
				if repeated {
					commit(1, 0)
				}
				commit(2, 0)
				server.Kill()
				server.Restart()
				commit(2, 1)
				statetest.Verify(t, s, []string{"r"}, accepted)
				if n, err := s.Count(t.Context(), "crash"); err != nil || n[0] != len(accepted) {
					t.Errorf("%d commits were accepted, %d are there, %v", len(accepted), n, err)
				}
			})
		}
	}
}

// TestKillBeforeTheLogIsRewrittenLosesNothing: what Redis leaves when it is
// killed during the rewrite, the log of the torn commit and the next one after
// it, makes it end once.
func TestKillBeforeTheLogIsRewrittenLosesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: always})
	s := open(t, Options{URL: server.URL(), RetryFor: time.Minute})
	id, ops := commitOf(0, 0)
	_, torn := commitOf(1, 0)
	if err := errors.Join(s.Commit(t.Context(), ops...), s.Commit(t.Context(), torn...)); err != nil {
		t.Fatal(err)
	}
	tear(t, server, 3)
	server.Restart() // nothing is committed, so that nothing has the log rewritten
	server.Kill()
	file := logOf(t, server)
	next := strings.Replace(file, ".2.incr.", ".3.incr.", 1)
	if err := os.WriteFile(next, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	manifest, err := os.OpenFile(filepath.Join(filepath.Dir(file), "appendonly.aof.manifest"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(manifest, "file %s seq 3 type i\n", filepath.Base(next)); err != nil {
		t.Fatal(err)
	}
	if err := manifest.Close(); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	statetest.Verify(t, s, []string{"r"}, []string{id})
	if n, err := s.Count(t.Context(), "crash"); err != nil || n[0] != 1 {
		t.Errorf("one commit was accepted, %d are there, %v", n, err)
	}
}

func TestServerThatDoesNotRewriteItsLogIsUsedWithAWarning(t *testing.T) {
	server := redistest.Start(t, redistest.Options{AppendFsync: always, Args: []string{"--rename-command", "BGREWRITEAOF", ""}})
	var log bytes.Buffer
	s := open(t, Options{URL: server.URL(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := s.Commit(t.Context(), state.Put("r", "a", nil, 0)); err != nil {
		t.Fatal(err)
	}
	if strings.Count(log.String(), "aof-load-truncated") != 1 {
		t.Errorf("the log says: %s", &log)
	}
}
