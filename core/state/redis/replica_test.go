package redis

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/internal/testkit"
)

func TestACommitThatTooFewReplicasHaveIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	wantRefused(t, Options{URL: primary.URL(), MinReplicas: 1, RetryFor: 50 * time.Millisecond}, "0 of 1 replicas")

	replica := redistest.Start(t, redistest.Options{AppendFsync: everysec, ReplicaOf: primary.Addr()})
	wantRefused(t, Options{URL: replica.URL()}, "read-only replica")
	s := open(t, Options{URL: primary.URL(), MinReplicas: 1, RetryFor: time.Minute}) // the primary still rewrites its log
	if err := s.Commit(t.Context(), state.Append("j", 0, []byte("0"))); err != nil {
		t.Fatal(err)
	}
	// What was acknowledged is there at once, without waiting for it.
	copied := replica.Client()
	defer func() { _ = copied.Close() }() // only read from
	if got, err := copied.LRange(t.Context(), s.keys.journal("j"), 0, -1).Result(); err != nil || len(got) != 1 {
		t.Errorf("the replica has %q, %v", got, err)
	}

	replica.Kill()
	s.retryFor = 100 * time.Millisecond
	err := s.Commit(t.Context(), state.Append("j", 1, []byte("1")))
	if !errors.Is(err, state.ErrUnavailable) || !strings.Contains(err.Error(), "replicas") {
		t.Errorf("without the replica: %v", err)
	}
	// The outcome is unknown to the caller; here it was applied, and once.
	replica.Restart()
	waitForReplica(t, primary)
	s.retryFor = time.Minute
	if err := s.Commit(t.Context(), state.Append("j", 2, []byte("2"))); err != nil {
		t.Errorf("with the replica again: %v", err)
	}
	if entries, err := s.Journal(t.Context(), "j", 0, 10_000); err != nil || len(entries) != 3 {
		t.Errorf("%q, %v", entries, err)
	}
}

// waitForReplica waits until a replica follows the primary again: it comes back
// at a time of its own, not when it is started.
func waitForReplica(t *testing.T, primary *redistest.Server) {
	t.Helper()
	client := primary.Client()
	defer func() { _ = client.Close() }() // only read from
	testkit.Eventually(t, 30*time.Second, "the replica is back", func() bool {
		info, err := client.Info(t.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "state=online")
	})
}

func TestACommitWaitsForAReplicaThatComesBackInTimeAndIsAppliedOnce(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	replica := redistest.Start(t, redistest.Options{AppendFsync: everysec, ReplicaOf: primary.Addr()})
	s := open(t, Options{URL: primary.URL(), MinReplicas: 1, RetryFor: time.Minute})
	replica.Kill()
	done := make(chan error, 1)
	go func() { done <- s.Commit(t.Context(), state.Append("j", 0, nil), state.Insert("r", "a", nil, 0)) }()
	select {
	case err := <-done:
		t.Fatalf("acknowledged without the replica: %v", err)
	case <-time.After(1500 * time.Millisecond): // one call has waited in vain
	}
	replica.Restart()
	if err := <-done; err != nil {
		t.Error(err)
	}
	copied := replica.Client()
	defer func() { _ = copied.Close() }() // only read from
	if n, err := copied.LLen(t.Context(), s.keys.journal("j")).Result(); err != nil || n != 1 {
		t.Errorf("the replica has %d entries, %v", n, err)
	}
}

func TestSentinelFindsThePrimaryAlsoAfterAFailover(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, redistest.Options{AppendFsync: always})
	redistest.Start(t, redistest.Options{AppendFsync: always, ReplicaOf: primary.Addr()})
	sentinel := redistest.StartSentinel(t, primary)
	url := fmt.Sprintf("redis+sentinel://127.0.0.1:1/0?master=%s&sentinel=%s&prefix=p:", redistest.MasterName, sentinel.Addr())
	s := open(t, Options{URL: url, MinReplicas: 1, RetryFor: time.Minute})
	for i := range 10 {
		if err := s.Commit(t.Context(), state.Append("j", i, nil)); err != nil {
			t.Fatal(err)
		}
	}
	s.replicas = 0 // no replica is left after the failover
	primary.Kill()
	for i := range 10 {
		if err := s.Commit(t.Context(), state.Append("j", 10+i, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := s.Journal(t.Context(), "j", 0, 10_000); err != nil || len(entries) != 20 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	wantRefused(t, Options{URL: strings.Replace(url, redistest.MasterName, "other", 1), RetryFor: 50 * time.Millisecond}, "other of Sentinel 127.0.0.1:1")
}

func TestAnOutageIsLoggedOnceAndItsEndOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: everysec})
	var log bytes.Buffer
	s := open(t, Options{URL: server.URL(), RetryFor: 1500 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 2 {
		log.Reset()
		server.Kill()
		var trying sync.WaitGroup
		for range 3 {
			trying.Go(func() {
				if _, err := s.Get(t.Context(), state.Ref{Bucket: "r", ID: "a"}); err == nil {
					t.Error("a read succeeded")
				}
			})
			trying.Go(func() {
				if err := s.Commit(t.Context(), state.Delete("r", "a")); err == nil {
					t.Error("a commit succeeded")
				}
			})
		}
		trying.Wait()
		server.Restart()
		for range 3 {
			if err := s.Commit(t.Context(), state.Delete("r", "a")); err != nil {
				t.Fatal(err)
			}
		}
		if got := log.String(); strings.Count(got, "\n") != 2 || strings.Count(got, "cannot be used") != 1 || strings.Count(got, "can be used again") != 1 {
			t.Errorf("the log:\n%s", got)
		}
	}
}
