package measured

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/state/statetest"
	"github.com/backflow/backflow/internal/testkit"
)

// failing is a store whose reads of records fail.
type failing struct {
	state.Store
	err error
}

func (f *failing) Get(context.Context, ...state.Ref) ([][]byte, error) { return nil, f.err }

func TestAMeasuredStoreKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	statetest.Run(t, func(*testing.T) statetest.Harness {
		clock := testkit.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		return statetest.Harness{
			Store: New(memory.New(memory.Options{Now: clock.Now}), slog.New(slog.DiscardHandler)),
			Tick:  time.Second, Advance: clock.Advance,
		}
	})
}

func TestOperationsAndFailuresAreCounted(t *testing.T) {
	t.Parallel()
	under := &failing{Store: memory.New(memory.Options{})}
	s := New(under, slog.New(slog.DiscardHandler))
	if err := s.Commit(t.Context(), state.Insert("b", "1", nil, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), state.Insert("b", "1", nil, 0)); !errors.As(err, new(*state.ConflictError)) {
		t.Fatal(err)
	}
	for _, err := range []error{fmt.Errorf("x: %w", state.ErrUnavailable), errors.New("corrupt"), context.Canceled} {
		under.err = err
		if _, got := s.Get(t.Context()); !errors.Is(got, err) {
			t.Fatal(got)
		}
	}
	want := map[string]float64{`backflow_store_outage`: 0, `backflow_store_errors_total{kind="refused",operation="commit"}`: 0}
	for _, operation := range []string{"commit", "get", "range", "count", "journal", "due"} {
		want[fmt.Sprintf(`backflow_store_operation_duration_seconds_count{operation=%q}`, operation)] = 0
		want[fmt.Sprintf(`backflow_store_errors_total{kind="other",operation=%q}`, operation)] = 0
		want[fmt.Sprintf(`backflow_store_errors_total{kind="unavailable",operation=%q}`, operation)] = 0
	}
	want[`backflow_store_operation_duration_seconds_count{operation="commit"}`] = 2
	want[`backflow_store_operation_duration_seconds_count{operation="get"}`] = 3
	want[`backflow_store_errors_total{kind="other",operation="get"}`] = 1
	want[`backflow_store_errors_total{kind="unavailable",operation="get"}`] = 1
	testkit.WantMetrics(t, s, want)

	s.Outage().Note("read", state.ErrUnavailable)
	testkit.WantMetrics(t, s, map[string]float64{`backflow_store_outage`: 1})
	s.Outage().Note("read", nil)
	testkit.WantMetrics(t, s, map[string]float64{`backflow_store_outage`: 0})
}
