package gcpace

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

const spareHeap = 32 << 20

func TestHeapGrowsBySpareHeapOrDoubles(t *testing.T) {
	for live, want := range map[uint64]int{
		0: maxGrowth, 1 << 20: maxGrowth, 8 << 20: 400, 16 << 20: 200, 32 << 20: 100, 1 << 30: 100,
	} {
		if got := growthFor(spareHeap, live); got != want {
			t.Errorf("%d bytes alive: growth of %d %%, want %d %%", live, got, want)
		}
	}
}

func TestGCIsLeftToTheOperator(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		Tune(spareHeap, func(asked string) (string, bool) { return "", asked == name })
		if got := growth(); got != 100 {
			t.Errorf("with %s given, growth became %d %%", name, got)
		}
	}
}

func TestGCIsPacedAfterEachCollection(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	held := make([]byte, 2*spareHeap) // so much that Go's own pace is right
	runtime.GC()
	pace{spareHeap, minGrowth}.adapt()
	if got := growth(); got != minGrowth {
		t.Errorf("with 64 MiB alive, growth is %d %%, want %d %%", got, minGrowth)
	}
	runtime.KeepAlive(held)
	for end := time.Now().Add(time.Minute); growth() == minGrowth; {
		runtime.GC() // what held held is dead; the cleanup follows on a goroutine of its own
		if time.Now().After(end) {
			t.Fatal("the pace did not follow")
		}
	}
}

// growth reads the present setting.
func growth() int {
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	return int(percent[0].Value.Uint64())
}
