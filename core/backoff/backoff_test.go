package backoff

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"
)

func TestWaitsGrowUpToTheLongest(t *testing.T) {
	for name, test := range map[string]struct {
		wait Exponential
		want []time.Duration // after the first failure, the second and so on
	}{
		"doubled":               {Exponential{First: time.Second}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}},
		"bounded":               {Exponential{First: time.Second, Longest: 3 * time.Second}, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}},
		"the longest is a step": {Exponential{First: time.Second, Longest: 4 * time.Second}, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second}},
		"another factor":        {Exponential{First: time.Second, Factor: 3}, []time.Duration{time.Second, 3 * time.Second, 9 * time.Second}},
	} {
		for i, want := range test.want {
			if got := test.wait.After(i + 1); got != want {
				t.Errorf("%s: after %d failures %s, want %s", name, i+1, got, want)
			}
		}
	}
	if got := (Exponential{First: time.Second}).After(1_000_000_000); got != math.MaxInt64 {
		t.Errorf("a wait without a bound is %s after a billion failures", got)
	}
}

func TestSleepEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if err := Sleep(ctx, time.Nanosecond); err != nil {
		t.Error(err)
	}
	cancel()
	if err := Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
