package compatibility

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

const protocol = "backflow/plugin/v1/plugin.proto"

// TestBreakingEditOfTheProtocolIsRefused: what `make lint` does is worth something
// only if it would find a change that breaks plugins.
func TestBreakingEditOfTheProtocolIsRefused(t *testing.T) {
	testkit.Long(t)
	cases := map[string]struct {
		from, to string // in plugin.proto
		refused  string // empty: it is allowed
	}{
		"nothing":          {"", "", ""},
		"a comment":        {"// Error is sdk.Error.", "// Error is an error.", ""},
		"a new field":      {"bytes details = 8;", "bytes details = 8;\n  string more = 9;", ""},
		"a new method":     {"rpc GetManifest(", "rpc Ping(PingRequest) returns (PingResponse);\n  rpc GetManifest(", ""},
		"a removed field":  {"string request_id = 4;", "", "request_id"},
		"another number":   {"bytes details = 8;", "bytes details = 9;", "details"},
		"another type":     {"bool final = 6;", "string final = 6;", "final"},
		"another name":     {"bool retryable = 3;", "bool repeatable = 3;", "retryable"},
		"a removed method": {"rpc Configure(ConfigureRequest) returns (ConfigureResponse);", "", "Configure"},
		"no stream":        {"rpc Execute(stream ExecuteRequest)", "rpc Execute(ExecuteRequest)", "Execute"},
		"another package":  {"package backflow.plugin.v1;", "package backflow.plugin.w1;", "backflow.plugin.v1"},
	}
	source, err := os.ReadFile(filepath.Join("../../sdk/proto", protocol))
	if err != nil {
		t.Fatal(err)
	}
	buf := buildBuf(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(source), c.from) {
				t.Fatalf("the protocol has no %q", c.from)
			}
			edited := strings.Replace(string(source), c.from, c.to, 1)
			if strings.Contains(c.to, "PingRequest") {
				edited += "\nmessage PingRequest {}\nmessage PingResponse {}\n"
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, protocol), edited)
			config, err := os.ReadFile("../../sdk/proto/buf.yaml")
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "buf.yaml"), string(config))
			baseline, err := filepath.Abs("../../sdk/proto/baseline.binpb")
			if err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), buf, "breaking", "--against", baseline)
			command.Dir = dir
			output, err := command.CombinedOutput()
			switch {
			case c.refused == "" && err != nil:
				t.Errorf("%v\n%s", err, output)
			case c.refused != "" && (err == nil || !strings.Contains(string(output), c.refused)):
				t.Errorf("got %v, want a refusal that names %s\n%s", err, c.refused, output)
			}
		})
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// buildBuf returns buf in the version of the Makefile: as `make lint` has built it,
// or else built anew.
func buildBuf(t *testing.T) string {
	t.Helper()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`BUF_VERSION\s*:=\s*(\S+)`).FindSubmatch(makefile)
	if version == nil {
		t.Fatal("the Makefile names no version of buf")
	}
	built, err := filepath.Abs("../../bin/tools/buf-" + string(version[1]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(built); err == nil {
		return built
	}
	dir := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "install", "github.com/bufbuild/buf/cmd/buf@"+string(version[1]))
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build buf: %v\n%s", err, output)
	}
	return filepath.Join(dir, "buf")
}
