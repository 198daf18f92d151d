// Package fresh tries what a newcomer does first: clone, `make run`, paste the
// first curl lines. It takes the commit that is checked out, not the working tree.
package fresh

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// firstSuccess is how long the first answer may take once everything is built.
const firstSuccess = time.Minute

// curlLines are those that `backflow dev` prints to be pasted.
var curlLines = regexp.MustCompile(`(?s)\n\n(  curl .*?)\n\n`)

func TestAFreshCloneTakesAPaymentByThePastedLinesAndStaysClean(t *testing.T) {
	testkit.Long(t)
	testkit.Need(t, "git", "make", "curl")
	// configs/stripe.json listens there, as the seed page says.
	if conn, err := net.Dial("tcp", "127.0.0.1:3000"); err == nil {
		_ = conn.Close() // nothing was said
		testkit.Missing(t, "port 3000 of this machine is taken")
	}
	if err := exec.Command("git", "-C", testkit.Root(), "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is no git repository")
	}
	dir := filepath.Join(t.TempDir(), "backflow")
	run(t, "/", "git", "clone", "--quiet", testkit.Root(), dir)
	run(t, dir, "make", "build")

	begun := time.Now()
	cmd := exec.Command("make", "run")
	cmd.Dir, cmd.Env = dir, environment()
	child := program.Start(t, cmd)
	end := sync.OnceFunc(func() { interrupt(t, child) })
	t.Cleanup(end)
	var lines [][]string
	testkit.Eventually(t, firstSuccess, "make run prints curl lines", func() bool {
		stdout, _ := child.Output()
		lines = curlLines.FindAllStringSubmatch(stdout, -1)
		return len(lines) > 1
	})
	for i, status := range []string{"requires_payment_method", "succeeded"} {
		line := lines[i][1]
		if !strings.Contains(line, "/integrations/stripe/payment-intents") {
			t.Errorf("line %d to paste is %s", i+1, line)
		}
		var payment struct{ ID, Object, Status string }
		answer := run(t, dir, "sh", "-c", line+" --silent --show-error --fail-with-body")
		if err := json.Unmarshal([]byte(answer), &payment); err != nil || payment.Object != "payment_intent" || payment.ID == "" || payment.Status != status {
			t.Errorf("the pasted line answers %s, %v", answer, err)
		}
	}
	if took := time.Since(begun); took > firstSuccess {
		t.Errorf("the first answer took %s", took)
	}
	run(t, dir, "bin/backflow", "trigger", "stripe", "payment_intent.succeeded")
	end()
	if changed := run(t, dir, "git", "status", "--porcelain"); changed != "" {
		t.Errorf("git status is not clean:\n%s", changed)
	}
}

// environment is that of a newcomer's shell: nothing of Backflow is set, and
// nothing of the `make` or `git` that this test may run under.
func environment() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "BACKFLOW_"), strings.HasPrefix(name, "STRIPE_"), strings.HasPrefix(name, "GIT_"), strings.HasPrefix(name, "MAKE"), name == "MFLAGS":
		default:
			env = append(env, entry)
		}
	}
	return env
}

// run runs a command to its end, and returns what it prints on stdout.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, environment()
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, out, errs.String())
	}
	return string(out)
}

// interrupt ends make and what it runs, as Ctrl-C does.
func interrupt(t *testing.T, child *program.Child) {
	t.Helper()
	if err := syscall.Kill(-child.PID(), syscall.SIGINT); err != nil {
		t.Errorf("interrupt: %v", err)
	}
	child.Wait()
}
