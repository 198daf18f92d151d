package examples

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

func TestWatchingGoesOnWhenTheGatewayComesBack(t *testing.T) {
	t.Parallel()
	e := examples(t)["wait-for-event"]
	s := e.site(t)
	g := s.Dev()
	_, out, _ := s.Run(e.start...)
	id, _ := lastLine(t, out)

	watch := exec.Command(binaries.Backflow, "runs", "watch", id)
	watch.Dir = s.Dir
	child := program.Start(t, watch)
	testkit.Eventually(t, 30*time.Second, "the wait is shown", func() bool {
		stdout, _ := child.Output()
		return strings.Contains(stdout, `"type":"waiting"`)
	})
	g.KeepAddress()
	g.Kill()
	s.Dev()
	if code, out, stderr := s.Run("runs", "signal", id, "delivered-P-1", "--body", `{"at":"the door"}`); code != 0 {
		t.Fatalf("runs signal: exit code %d: %s%s", code, out, stderr)
	}
	if code := child.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	stdout, _ := child.Output()
	var types []string
	for line := range strings.Lines(stdout) {
		var event struct{ Type string }
		decode(t, line, &event)
		types = append(types, event.Type)
	}
	if diff := cmp.Diff([]string{"started", "waiting", "succeeded", "ended", ""}, types); diff != "" {
		t.Errorf("lines (-want +got):\n%s\n%s", diff, stdout)
	}
	if _, run := lastLine(t, stdout); run.Status != "succeeded" {
		t.Errorf("the last line is %+v", run)
	}
}
