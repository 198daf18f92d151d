package testkit

import (
	"os"
	"os/exec"
	"testing"
)

// Need skips a test where a program is not on the PATH, see Missing.
func Need(t testing.TB, commands ...string) {
	t.Helper()
	for _, command := range commands {
		if _, err := exec.LookPath(command); err != nil {
			Missing(t, command+" is not on the PATH")
		}
	}
}

// Missing ends a test that lacks something of this machine. The test is skipped,
// or fails if BACKFLOW_REQUIRE_SERVERS is "1", as it is in .ci/run.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("BACKFLOW_REQUIRE_SERVERS") == "1" {
		t.Fatal(what + ", and BACKFLOW_REQUIRE_SERVERS insists on it")
	}
	t.Skip(what)
}
