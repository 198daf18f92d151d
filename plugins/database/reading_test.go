package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// TestAReadWaitsForNoWriter: another process has the write lock, and an insert waits for
// it.
func TestAReadWaitsForNoWriter(t *testing.T) {
	t.Parallel()
	f := newFixture(t, paymentsDDL)
	f.insert("", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`)
	release := f.holdWriteLock()
	inserted := make(chan error, 1)
	go func() {
		_, err := insert(f.plugin, "", `{"table":"payments","data":{"stripe_id":"pi_2","amount":2}}`)
		inserted <- err
	}()
	testkit.Eventually(t, 5*time.Second, "the insert has the connection that writes", func() bool {
		return f.plugin.store.DB().Stats().InUse == 1
	})
	const page = `{"data":[{"id":1,"stripe_id":"pi_1","amount":1}],"nextCursor":null}`
	result, err := f.plugin.Execute(t.Context(), sdk.Call{Action: "select", Params: json.RawMessage(`{"table":"payments"}`)})
	if err != nil || string(result.Body) != page {
		t.Errorf("%s, %v", result.Body, err)
	}
	select {
	case err := <-inserted:
		t.Errorf("the insert did not wait: %v", err)
	default:
	}
	release()
	if err := <-inserted; err != nil {
		t.Error(err)
	}
}

// TestWhatReadsCannotWrite: SQLite refuses, whatever the statement.
func TestWhatReadsCannotWrite(t *testing.T) {
	t.Parallel()
	f := newFixture(t, paymentsDDL)
	for _, text := range []string{
		`INSERT INTO payments (stripe_id, amount) VALUES ('x', 1)`, `DELETE FROM payments`, `DROP TABLE payments`, `CREATE TABLE other (a)`,
		`PRAGMA user_version = 5`,
	} {
		_, err := f.plugin.store.Read(t.Context(), func(tx *store.Tx) ([]byte, error) {
			written := statement.NewText(&tx.Syntax)
			written.Add(text)
			_, err := tx.Exec(written)
			return nil, tx.Failed(err, nil, "")
		})
		if refused, ok := errors.AsType[*sdk.Error](err); !ok || refused.Code != sdk.CodeForbidden {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestReadsAreManyAtOnce: a read that takes long keeps no other one waiting.
func TestReadsAreManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, paymentsDDL)
	ctx, cancel := context.WithCancel(t.Context())
	started, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = f.plugin.store.Read(ctx, func(*store.Tx) ([]byte, error) {
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		})
	}()
	<-started
	if _, err := f.plugin.Execute(t.Context(), sdk.Call{Action: "count", Params: json.RawMessage(`{"table":"payments"}`)}); err != nil {
		t.Error(err)
	}
	cancel()
	<-ended
}
