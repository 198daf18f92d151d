package testkit

import (
	"testing"
	"time"
)

// Eventually waits until a condition holds, and fails the test when it does not
// within the limit. It asks every 2 ms; where there is a channel or another signal
// to wait for, wait for that. It must be called from the test's goroutine.
func Eventually(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", limit, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
