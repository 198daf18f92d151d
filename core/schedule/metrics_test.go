package schedule_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/internal/testkit"
)

func TestTicksAndTheirLagAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 * * * *", ""))
		time.Sleep(65 * time.Minute)
		h.failNext(engine.ErrOverloaded, engine.ErrOverloaded)
		time.Sleep(time.Hour) // the tick of 02:00 is 2 s late
		testkit.WantMetrics(t, s, map[string]float64{
			`backflow_schedule_lag_seconds{schedule="one"}`:                       2,
			`backflow_schedule_next_tick_timestamp_seconds{schedule="one"}`:       float64(time.Date(2000, 1, 1, 3, 0, 0, 0, time.UTC).Unix()),
			`backflow_schedule_ticks_total{outcome="started",schedule="one"}`:     2,
			`backflow_schedule_ticks_total{outcome="passed_over",schedule="one"}`: 0,
			`backflow_schedule_ticks_total{outcome="missed",schedule="one"}`:      0,
		})
		h.failNext(fmt.Errorf("no: %w", engine.ErrFull))
		time.Sleep(time.Hour)
		s.Stop()
		time.Sleep(2 * time.Hour) // nothing handles the tick of 04:00
		testkit.WantMetrics(t, s, map[string]float64{
			`backflow_schedule_lag_seconds{schedule="one"}`:                       (65 * time.Minute).Seconds(),
			`backflow_schedule_ticks_total{outcome="started",schedule="one"}`:     2,
			`backflow_schedule_ticks_total{outcome="passed_over",schedule="one"}`: 1,
			`backflow_schedule_ticks_total{outcome="missed",schedule="one"}`:      0,
		})
		s = h.gateway("b", h.one("0 * * * *", ""))
		defer s.Stop()
		synctest.Wait()
		testkit.WantMetrics(t, s, map[string]float64{
			`backflow_schedule_lag_seconds{schedule="one"}`:                       (65 * time.Minute).Seconds(),
			`backflow_schedule_ticks_total{outcome="started",schedule="one"}`:     1,
			`backflow_schedule_ticks_total{outcome="passed_over",schedule="one"}`: 0,
			`backflow_schedule_ticks_total{outcome="missed",schedule="one"}`:      1,
		})
		h.set(s)
		if left := testkit.Metrics(t, s); len(left) != 0 {
			t.Errorf("without schedules: %v", left)
		}
	})
}
