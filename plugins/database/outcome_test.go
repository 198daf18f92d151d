package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/plugins/database/internal/failure"
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
	if _, err := f.plugin.store.DB().Exec("PRAGMA " + pragma); err != nil {
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
	const longest = 300 * time.Millisecond
	f := newFixture(t, paymentsDDL)
	f.plugin = configured(t, f.dir, `{"url":"sqlite://data/app.db","timeouts":{"lock":"300ms"}}`, f.clock)
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
	f.clock.advance(longest)
	start := time.Now()
	for range cap(failures) {
		err := <-failures
		failed, ok := errors.AsType[*sdk.Error](err)
		if !ok {
			t.Fatalf("answered %v, want an error", err)
		}
		if failed.Code != sdk.CodeUnavailable || !failed.Retryable || failed.RetryAfter != failure.RetryAfter || failed.Outcome != sdk.OutcomeNotExecuted ||
			!strings.Contains(failed.Message, "write lock for longer than 300ms") {
			t.Errorf("%+v", failed)
		}
	}
	if waited := time.Since(start); waited > 20*longest {
		t.Errorf("those behind the first waited %s", waited)
	}
	release()
	f.insert("key", onePayment)
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
	testkit.Eventually(t, 10*time.Second, "the call has the connection", func() bool { return f.plugin.store.DB().Stats().InUse > 0 })
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
