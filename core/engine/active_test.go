package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestARunIsReservedOnceUntilItIsReleased(t *testing.T) {
	a := newActiveRuns(1)
	if a.reserve("r") == nil || a.reserve("r") != nil || !a.contains("r") {
		t.Error("a run can be reserved twice, or not at all")
	}
	a.release("r")
	if a.contains("r") || a.reserve("r") == nil {
		t.Error("a run that was released is still reserved")
	}
	a.stop()
	if a.reserve("other") != nil {
		t.Error("a run was reserved after stop")
	}
	a.release("r")
	a.left.Wait()
}

func TestAMessageIsNotForgottenBeforeItIsRead(t *testing.T) {
	a := newActiveRuns(1)
	a.notify("r") // this process does not work on it
	activity, delivered := a.reserve("r"), 0
	a.notify("r")
	if notified := a.attach(activity, func() { delivered++ }); !notified || delivered != 0 {
		t.Errorf("a message before the run was attached: known %t, delivered %d times", notified, delivered)
	}
	a.ack(activity)
	a.notify("r")
	if notified, _ := a.release("r"); !notified || delivered != 1 {
		t.Errorf("a message that was not read: known %t, delivered %d times", notified, delivered)
	}
}

// TestARunThatIsQueuedBeforeItIsGivenBackIsClaimedAtOnce: what was decided about a run may
// come while the goroutine that worked on it has not given it back.
func TestARunThatIsQueuedBeforeItIsGivenBackIsClaimedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := &atomic.Bool{}
		fails.Store(true)
		lost := &sdk.Error{Code: sdk.CodeTimeout, Message: "late", Outcome: sdk.OutcomeUnknown}
		g := open(t, memory.New(memory.Options{}), "g1", vendorOf(lost, fails), Options{CheckInterval: time.Hour}, order)
		defer g.stop()
		id := undecided(t, g, "order")
		fails.Store(false)
		if g.executor.active.reserve(id) == nil || !g.executor.active.trySlot() {
			t.Fatal("the run is worked on")
		}
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := g.status(id); got != workflow.RunQueued {
			t.Fatalf("the run is %s", got)
		}
		g.executor.free(id, false)
		synctest.Wait()
		if got := g.status(id); got != workflow.RunSucceeded {
			t.Errorf("the run is %s", got)
		}
	})
}

func TestASlotIsWaitedForUntilOneIsFreeOrTheServiceStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, stopping := newActiveRuns(1), make(chan struct{})
		if !a.trySlot() || a.trySlot() {
			t.Error("there is not exactly one slot")
		}
		got := make(chan bool, 1)
		go func() { got <- a.waitSlot(stopping) }()
		synctest.Wait()
		a.freeSlot()
		if !<-got {
			t.Error("the slot that became free was not taken")
		}
		go func() { got <- a.waitSlot(stopping) }()
		synctest.Wait()
		close(stopping)
		if <-got {
			t.Error("a slot was taken although none is free")
		}
	})
}
