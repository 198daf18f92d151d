package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/sdk"
)

// binaries is where TestMain leaves the plugins.
var binaries string

func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_HOST") != "" {
		beHost()
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	binaries, err = os.MkdirTemp("", "backflow-plugin-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(binaries); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	for name, source := range map[string]string{"fixture": "../internal/fixture", "hello": "../../../sdk/examples/hello"} {
		build := exec.Command("go", "build", "-o", path(name), source)
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, output)
			return 1
		}
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

func path(name string) string { return filepath.Join(binaries, plugin.FilePrefix+name) }

// credentials satisfy the fixture.
const credentials = `{"key":"key_s3cr3t/\"x"}`

// fixture answers a member that behaves as the environment says.
func fixture(mode string) plugin.Member {
	member := plugin.Member{
		Spec:   plugin.Spec{Name: "fixture", Path: path("fixture"), Env: map[string]string{}},
		Config: sdk.Config{Credentials: json.RawMessage(credentials)},
	}
	if mode != "" {
		member.Spec.Env["FIXTURE"] = mode
	}
	return member
}

// quick is real time, but that a plugin is started again at once.
func quick() plugin.Timing {
	return plugin.Timing{
		Now:    time.Now,
		After:  func(d time.Duration) <-chan time.Time { return time.After(d / 100) },
		Random: func() float64 { return 0 },
	}
}

// newLauncher answers a launcher that is closed at the test's end.
func newLauncher(t testing.TB) *process.Launcher {
	t.Helper()
	launcher := process.NewLauncher()
	t.Cleanup(func() {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	})
	return launcher
}

// start starts a host with one plugin and stops both at the test's end.
func start(t testing.TB, member plugin.Member) (*plugin.Plugin, *logs) {
	t.Helper()
	output := &logs{}
	host, err := plugin.NewHost(plugin.Options{
		Launcher: newLauncher(t),
		Logger:   slog.New(slog.NewTextHandler(output, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Timing:   quick(),
	}, []plugin.Member{member})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := host.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	ready, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := host.Ready(ready); err != nil {
		t.Fatal(err)
	}
	p, _ := host.Plugin(member.Spec.Name)
	return p, output
}

// startReady is start for a plugin that must be ready.
func startReady(t testing.TB, member plugin.Member) *plugin.Plugin {
	t.Helper()
	p, _ := start(t, member)
	if status := p.Status(); status.State != action.StateReady {
		t.Fatalf("status %+v", status)
	}
	return p
}

// call executes an action and answers its body as text.
func call(t testing.TB, p *plugin.Plugin, name, params string) string {
	t.Helper()
	result, err := p.Execute(t.Context(), sdk.Call{Action: name, Params: json.RawMessage(params)})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(result.Body)
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

// alive reports whether a process exists and is no zombie.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// logs collects a log.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// with answers env with more variables.
func with(env map[string]string, more map[string]string) map[string]string {
	env = maps.Clone(env)
	maps.Copy(env, more)
	return env
}
