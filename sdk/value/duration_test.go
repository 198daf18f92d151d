package value_test

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

func TestDurationsAreWrittenAsInAConfig(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "500ms": 500 * time.Millisecond, "30s": 30 * time.Second, "10m": 10 * time.Minute,
		"1m30s": 90 * time.Second, "24h": 24 * time.Hour, "1h5m": 65 * time.Minute, "1h0m5s": time.Hour + 5*time.Second,
		"1h40m": 100 * time.Minute, "1.5s": 1500 * time.Millisecond,
	} {
		if got := value.Duration(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}
