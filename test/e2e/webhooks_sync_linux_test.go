package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/backflow/backflow/internal/testkit"
)

// inTerminal runs a command of backflow in a terminal, in which a person types a reply,
// and returns what the person sees (pty(7)).
func (s *syncSite) inTerminal(t *testing.T, reply string, args ...string) (code int, seen string) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = screen.Close() }()
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	device, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binaries.Backflow, append([]string{"webhooks", "sync", "-c", s.Config()}, args...)...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.Dir, device, device, device
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir, "STRIPE_SECRET_KEY=" + secretKey, "XDG_CACHE_HOME=" + testkit.MachineCode("programs")}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // seen in the exit code
	defer timer.Stop()
	if _, err := io.WriteString(screen, reply); err != nil {
		t.Fatal(err)
	}
	if err := device.Close(); err != nil { // the command has its own
		t.Fatal(err)
	}
	text, _ := io.ReadAll(screen) // it ends with EIO, when nobody has the terminal open any more
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

func TestAPersonIsAskedAndSeesTheSecretOnce(t *testing.T) {
	t.Parallel()
	s := newSyncSite(t)
	if code, stdout, stderr := s.sync(t, "--dry-run"); code != 0 || !strings.Contains(stdout, "an endpoint is to be made at stripe") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	code, seen := s.inTerminal(t, "n\n")
	if code != 0 || !strings.Contains(seen, "make 1 endpoint? [y/N]") || !strings.Contains(seen, "nothing was done") || len(s.writes()) != 0 {
		t.Errorf("a person says no: exit code %d, %q: %s", code, s.writes(), seen)
	}
	code, seen = s.inTerminal(t, "y\n")
	if code != 0 || strings.Count(seen, "whsec_double") != 1 || !strings.Contains(seen, "was made at stripe") || len(s.writes()) != 1 {
		t.Errorf("a person says yes: exit code %d, %q: %s", code, s.writes(), seen)
	}
	code, seen = s.inTerminal(t, "")
	if code != 0 || strings.Contains(seen, "whsec_") || !strings.Contains(seen, "is as it should be") {
		t.Errorf("once more: exit code %d: %s", code, seen)
	}
}
