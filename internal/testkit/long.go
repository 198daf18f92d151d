package testkit

import (
	"os"
	"testing"
)

// Long skips a test that takes too long for `make test`, unless BACKFLOW_LONG is
// "1". `make test-long` sets it, and so does `make test-crash` for test/crash;
// .ci/run runs both, so that nothing is merged without the long tests.
//
// Call it first in the test, before anything is built or started. A test
// is long when it needs more than about five seconds of one core, and when a
// shorter test of the same package would already notice the usual mistakes.
func Long(t testing.TB) {
	t.Helper()
	if !LongRun() {
		t.Skip("a long test, which `make check` runs: set BACKFLOW_LONG=1")
	}
}

// LongRun reports whether long tests run: a test that goes through a list takes a part of
// it elsewhere.
func LongRun() bool { return os.Getenv("BACKFLOW_LONG") == "1" }
