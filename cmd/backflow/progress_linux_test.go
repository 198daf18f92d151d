package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

// openTerminal opens a terminal of so many columns, and returns what a program
// writes to, and what a person would see (pty(7)).
func openTerminal(t *testing.T, columns int) (program, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() }) // closed already, or of no more use
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	resize(t, screen, columns)
	return program, screen
}

func resize(t *testing.T, screen *os.File, columns int) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
}

func TestProgressFitsTheTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	events := []string{
		`{"type":"started","at":"2026-01-31T12:00:00Z"}`,
		`{"type":"scheduled","path":"charge-the-customer","at":"2026-01-31T12:00:00Z","attempts":1,"attempt":1,"maxAttempts":10}`,
		`{"type":"attemptFailed","path":"charge-the-customer","at":"2026-01-31T12:00:01Z","attempts":1,"attempt":1,"maxAttempts":10,` +
			`"waitingFor":"retry","retryAt":"2026-01-31T12:00:03Z","error":{"code":"unavailable","detail":"the vendor \u001b[2J\u202e is down for maintenance until some time"}}`,
		`{"type":"retried","path":"charge-the-customer","at":"2026-01-31T12:00:03Z","attempts":2,"attempt":2,"maxAttempts":10}`,
		`{"type":"succeeded","path":"charge-the-customer","at":"2026-01-31T12:00:04Z","result":{"name":"漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"}}`,
		`{"type":"failed","path":"ship","at":"2026-01-31T12:00:05Z","error":{"code":"declined","detail":"no"}}`,
		`{"type":"ended","status":"failed","at":"2026-01-31T12:00:05Z"}`,
	}
	const id = "01a20c1e-0000-7000-8000-000000000000"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/stream") {
			fmt.Fprintf(w, `{"id":%q,"workflow":"w","status":"failed","createdAt":"2026-01-31T12:00:00Z","finishedAt":"2026-01-31T12:00:05Z",`+
				`"error":{"code":"declined","detail":"the card of the customer was declined by its bank, which gave no reason for it"},"steps":[{"path":"ship","status":"failed"}]}`, id)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, event := range events {
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i+1, event)
		}
	}))
	defer server.Close()
	for _, columns := range []int{20, 40, 80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			out, screen := openTerminal(t, columns)
			shown := make(chan string, 1)
			go func() {
				data, _ := io.ReadAll(screen) // ends with an error once the program's side is closed
				shown <- string(data)
			}()
			var stderr bytes.Buffer
			env := map[string]string{urlEnv: server.URL, tokenEnv: "t", "NO_COLOR": "1"}
			p := &program{stdout: out, stderr: &stderr, lookupEnv: func(name string) (string, bool) { value, set := env[name]; return value, set }}
			if code := p.main(context.Background(), []string{"runs", "watch", id}); code != exitFailed {
				t.Errorf("exit code %d: %s", code, &stderr)
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(<-shown, "\r\n", "\n")
			for line := range strings.Lines(text) {
				// An id stays whole: it is there to be copied.
				if line = strings.TrimSuffix(line, "\n"); terminal.Columns(line) > columns && !strings.Contains(line, id) {
					t.Errorf("%d columns: %q", terminal.Columns(line), line)
				}
			}
			if strings.Contains(text, "\x1b") || strings.Contains(text, "\u202e") {
				t.Errorf("the terminal was sent %q", text)
			}
			if columns < 200 {
				return
			}
			for _, want := range []string{
				"retrying     charge-the-customer  attempt 1 of 10, unavailable: the vendor \\u001b[2J\\u202e is down", ", until ",
				"running      charge-the-customer  attempt 2 of 10\n", "succeeded    charge-the-customer  after 4s, {", "failed after 5s: declined: the card",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing:\n%s", want, text)
				}
			}
			if !strings.Contains(stderr.String(), "backflow runs retry "+id) {
				t.Errorf("no repair is told: %s", &stderr)
			}
		})
	}
}

func TestATerminalIsAskedForItsWidthAnew(t *testing.T) {
	out, screen := openTerminal(t, 100)
	for _, columns := range []int{100, 33} {
		resize(t, screen, columns)
		if got := terminal.Width(terminal.Guard(out)); got != columns {
			t.Errorf("%d columns, not %d", got, columns)
		}
	}
	if resize(t, screen, 0); terminal.Width(out) != 80 {
		t.Errorf("a terminal that does not know its width has %d columns", terminal.Width(out))
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }() // nothing was written
	if terminal.Is(null) || terminal.Width(null) != 0 {
		t.Error(os.DevNull + " is held for a terminal")
	}
}
