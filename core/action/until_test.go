package action

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

type valueKey struct{}

func TestACallHasUntilItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, giveUp := context.WithCancel(context.WithValue(t.Context(), valueKey{}, "kept"))
		deadline := time.Now().Add(time.Second)
		ctx, cancel := Until(parent, deadline)
		defer cancel()
		unwatched, cancelUnwatched := Until(parent, deadline)
		defer cancelUnwatched()
		child, cancelChild := context.WithTimeout(ctx, time.Hour)
		defer cancelChild()
		giveUp()
		for name, c := range map[string]context.Context{"waited for": ctx, "unwatched": unwatched, "child": child} {
			if at, ok := c.Deadline(); !ok || !at.Equal(deadline) || c.Value(valueKey{}) != "kept" || c.Err() != nil {
				t.Errorf("%s: deadline %v, value %v, %v", name, at, c.Value(valueKey{}), c.Err())
			}
		}
		begun := time.Now()
		<-child.Done()
		<-ctx.Done()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("ended after %v", took)
		}
		for name, c := range map[string]context.Context{"waited for": ctx, "unwatched": unwatched, "child": child} {
			if !errors.Is(c.Err(), context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, c.Err())
			}
		}
		<-unwatched.Done() // asked for afterwards
	})
}

func TestACallThatHasReturnedHasEnded(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]bool{"waited for": true, "unwatched": false} {
		ctx, cancel := Until(t.Context(), time.Now().Add(time.Hour))
		if wait {
			ctx.Done()
		}
		cancel()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("%s: %v", name, ctx.Err())
		}
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("%s, after its end: %v", name, ctx.Err())
		}
	}
}

func TestContextsOfACallCostNoGoroutine(t *testing.T) {
	ctx, cancel := Until(t.Context(), time.Now().Add(time.Hour))
	before := runtime.NumGoroutine()
	child, cancelChild := context.WithCancel(ctx)
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, before %d", n, before)
	}
	cancel()
	<-child.Done()
	cancelChild()
}

func TestOnlyUntilEndsByDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := Until(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	child, cancelChild := context.WithCancel(ctx)
	defer cancelChild()
	if !EndsByDeadline(ctx) || EndsByDeadline(child) || EndsByDeadline(t.Context()) {
		t.Error("it is not told apart")
	}
}
