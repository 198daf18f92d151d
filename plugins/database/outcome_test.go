package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

const onePayment = `{"table":"payments","data":{"stripe_id":"pi_1","amount":5}}`

// execute runs an insert of one payment under a context.
func (f *fixture) execute(ctx context.Context) *sdk.Error {
	f.t.Helper()
	_, err := f.plugin.Execute(ctx, sdk.Call{Action: "insert", Params: json.RawMessage(onePayment), IdempotencyKey: "key"})
	var failed *sdk.Error
	if !errors.As(err, &failed) {
		f.t.Fatalf("answered %v, want an error", err)
	}
	return failed
}

// holdWriteLock takes the write lock as another process would.
func (f *fixture) holdWriteLock() (release func()) {
	f.t.Helper()
	conn, err := f.look.Conn(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := conn.ExecContext(f.t.Context(), "BEGIN IMMEDIATE"); err != nil {
		f.t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			f.t.Error(err)
		}
		if err := conn.Close(); err != nil {
			f.t.Error(err)
		}
	}
}

// setting changes the plugin's one connection.
func (f *fixture) setting(pragma string) {
	f.t.Helper()
	if _, err := f.plugin.store.db.Exec("PRAGMA " + pragma); err != nil {
		f.t.Fatal(err)
	}
}

func TestADeadlineEndsTheWaitForTheWriteLock(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	release := f.holdWriteLock()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	start := time.Now()
	failed := f.execute(ctx)
	if failed.Code != sdk.CodeTimeout || !failed.Retryable || failed.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("%+v", failed)
	}
	if waited := time.Since(start); waited > 3*time.Second {
		t.Errorf("waited %s", waited)
	}
	release()
	f.insert("key", onePayment)
}

func TestACallThatIsOverBeginsNothing(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if failed := f.execute(ctx); failed.Code != sdk.CodeTimeout || failed.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("%+v", failed)
	}
	f.insert("key", onePayment)
}

// TestAHeldWriteLockIsTheAnswerForEveryCaller: the longest wait is that of the lock,
// whatever number of calls wait, and ends with it.
func TestAHeldWriteLockIsTheAnswerForEveryCaller(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	f.plugin.store.lock.longest = 300 * time.Millisecond
	release := f.holdWriteLock()
	// What the plugin has waited for the lock is over once its clock says so; that of
	// SQLite, which waits, is the real one.
	failures := make(chan error, 40)
	for range cap(failures) {
		go func() {
			_, err := insert(f.plugin, "key", onePayment)
			failures <- err
		}()
	}
	failures <- <-failures
	f.clock.advance(f.plugin.store.lock.longest)
	start := time.Now()
	for range cap(failures) {
		err := <-failures
		failed, ok := errors.AsType[*sdk.Error](err)
		if !ok {
			t.Fatalf("answered %v, want an error", err)
		}
		if failed.Code != sdk.CodeUnavailable || !failed.Retryable || failed.RetryAfter != lockRetryAfter || failed.Outcome != sdk.OutcomeNotExecuted ||
			!strings.Contains(failed.Message, "write lock for longer than 300ms") {
			t.Errorf("%+v", failed)
		}
	}
	if waited := time.Since(start); waited > 20*f.plugin.store.lock.longest {
		t.Errorf("those behind the first waited %s", waited)
	}
	release()
	f.insert("key", onePayment)
	if wait := f.plugin.store.lock.wait(); wait != f.plugin.store.lock.longest {
		t.Errorf("once the lock is free, the next call waits %s", wait)
	}
}

// TestALockThatIsHeldAgainLaterIsWaitedForAgain: a call that met a lock says nothing
// of one that is held long after.
func TestALockThatIsHeldAgainLaterIsWaitedForAgain(t *testing.T) {
	clock := newClock()
	lock := writeLock{now: clock.now, longest: maxLockWait}
	for _, c := range []struct {
		passes, wait time.Duration
		refused      bool
	}{
		{wait: maxLockWait},
		{passes: maxLockWait, refused: true, wait: 0},
		{passes: time.Second, refused: true, wait: 0},
		{passes: maxLockWait, wait: 0},
		{passes: 1, wait: maxLockWait},
	} {
		asked := clock.now()
		clock.advance(c.passes)
		if c.refused {
			lock.refused(asked)
		}
		if got := lock.wait(); got != c.wait {
			t.Errorf("%+v: the next call waits %s", c, got)
		}
	}
}

func TestAFullDiskIsRetryable(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	f.setting("max_page_count = 1") // SQLite takes the present size as the least
	params := `{"table":"payments","data":{"stripe_id":"` + strings.Repeat("x", 100000) + `","amount":5}}`
	refusal := f.refused("key", params)
	if refusal.Code != sdk.CodeUpstream || !refusal.Retryable {
		t.Errorf("%+v", refusal)
	}
	f.setting("max_page_count = 1000000")
	f.insert("key", params)
}

func TestAReadOnlyDatabaseIsForbidden(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	f.setting("query_only = 1")
	if refusal := f.refused("key", onePayment); refusal.Code != sdk.CodeForbidden || refusal.Retryable || refusal.Final || refusal.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("%+v", refusal)
	}
	f.setting("query_only = 0")
	f.insert("key", onePayment)
}

// TestAFailedCommitIsUnknown: only a refusal by the database itself is definite.
func TestAFailedCommitIsUnknown(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	release := f.holdWriteLock()
	f.setting("busy_timeout = 1")
	_, busy := f.plugin.store.db.Exec("INSERT INTO payments VALUES (1, 'x', 1)")
	release()
	_, refused := f.plugin.store.db.Exec("INSERT INTO payments VALUES (1, 'x', -1)")
	for name, c := range map[string]struct {
		err     error
		outcome sdk.Outcome
	}{
		"a driver's failure": {busy, sdk.OutcomeUnknown},
		"a lost connection":  {errors.New("broken pipe"), sdk.OutcomeUnknown},
		"a constraint":       {refused, sdk.OutcomeNotExecuted},
	} {
		var failed *sdk.Error
		if !errors.As(f.plugin.store.commitFailure(c.err), &failed) || failed.Outcome != c.outcome || failed.Retryable != (c.outcome == sdk.OutcomeUnknown) {
			t.Errorf("%s: %+v", name, failed)
		}
	}
}

func TestBeforeConfigureNothingIsExecuted(t *testing.T) {
	_, err := insert(newServed(time.Now), "", onePayment)
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable}) {
		t.Error(err)
	}
}

func TestCloseWaitsForCallsUnderWay(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	release := f.holdWriteLock()
	answered := make(chan error, 1)
	go func() {
		_, err := insert(f.plugin, "key", onePayment)
		answered <- err
	}()
	testkit.Eventually(t, 10*time.Second, "the call has the connection", func() bool { return f.plugin.store.db.Stats().InUse > 0 })
	closed := make(chan error, 1)
	go func() { closed <- f.plugin.Close() }()
	release()
	if err := errors.Join(<-answered, <-closed); err != nil {
		t.Error(err)
	}
	if got := f.scalar("SELECT count(*) FROM payments"); got != "1" {
		t.Errorf("%s rows", got)
	}
}
