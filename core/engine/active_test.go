package engine

import (
	"testing"
	"testing/synctest"
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
	if notified := a.release("r"); !notified || delivered != 1 {
		t.Errorf("a message that was not read: known %t, delivered %d times", notified, delivered)
	}
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
