package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/server"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// vendor starts instances of a plugin that has a sandbox and verifies webhooks, and
// notes what they are configured with.
type vendor struct {
	mu      sync.Mutex // guards configs
	configs []sdk.Config
}

func (v *vendor) Launch(context.Context, plugin.Spec, *slog.Logger) (plugin.Instance, error) {
	return &vendorInstance{vendor: v, done: make(chan struct{})}, nil
}

// targets returns those of the last instance, and how many there were.
func (v *vendor) targets() (targets []sdk.WebhookTarget, instances int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.configs[len(v.configs)-1].Webhooks, len(v.configs)
}

// vendorInstance is an instance whose methods beside those here are not called.
type vendorInstance struct {
	plugin.Instance
	vendor *vendor
	once   sync.Once
	done   chan struct{}
}

func (*vendorInstance) Manifest(context.Context) (*sdk.Manifest, error) {
	return &sdk.Manifest{
		Name: "acme", Version: "1.0.0", Sandbox: true,
		Credentials: json.RawMessage(`{"type":"object","properties":{"key":{"type":"string"},"hook":{"type":"string","writeOnly":true}}}`),
		Webhook:     &sdk.WebhookCapability{SecretField: "hook"},
		Actions:     []sdk.ActionSpec{{Name: "get", Params: json.RawMessage(`{"type":"object"}`)}},
	}, nil
}

func (i *vendorInstance) Configure(_ context.Context, config sdk.Config) error {
	i.vendor.mu.Lock()
	defer i.vendor.mu.Unlock()
	i.vendor.configs = append(i.vendor.configs, config)
	return nil
}

func (i *vendorInstance) Done() <-chan struct{} { return i.done }
func (*vendorInstance) Exit() plugin.Exit       { return plugin.Exit{Reason: "closed"} }
func (i *vendorInstance) Close(context.Context) error {
	i.once.Do(func() { close(i.done) })
	return nil
}

// hooks is a config with webhooks of the vendor, whose key may be unset.
func hooks(t *testing.T, key string, webhooks ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backflow-plugin-acme")
	if err := os.WriteFile(file, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{ "credentials": { "acme": { "key": %q, "hook": "{{env.HOOK}}" } }, "plugins": [{ "name": "acme", "path": %q }],
  "webhooks": [%s] }`, key, file, strings.Join(webhooks, ", "))
}

// TestASandboxIsToldWhereItsEventsGo: to the address that is really listened on, with the
// secret that the webhook checks, and anew when the config changes.
func TestASandboxIsToldWhereItsEventsGo(t *testing.T) {
	t.Parallel()
	const (
		first  = `{ "name": "first", "path": "/webhooks/acme", "provider": "acme" }`
		second = `{ "name": "second", "path": "/in", "provider": "acme", "secrets": ["whsec_new_of_it", "whsec_old_of_it"] }`
	)
	for name, c := range map[string]struct {
		key, listen string
		env         map[string]string
		want        []string // of each of a plan without and one with the second webhook
	}{
		"a made secret":        {"{{env.KEY}}", "127.0.0.1:0", nil, []string{"first http://127.0.0.1:PORT/webhooks/acme made-first"}},
		"the integration's":    {"{{env.KEY}}", "127.0.0.1:0", map[string]string{"HOOK": "whsec_of_acme"}, []string{"first http://127.0.0.1:PORT/webhooks/acme whsec_of_acme"}},
		"listening everywhere": {"{{env.KEY}}", "0.0.0.0:0", nil, []string{"first http://127.0.0.1:PORT/webhooks/acme made-first"}},
		"no sandbox":           {"key-of-acme", "127.0.0.1:0", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", c.listen)
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(listener.Addr().String())
			config1, acme := hooks(t, c.key, first), &vendor{}
			text := textOf(config1)
			plan, err := compile.Load("/test/backflow.json", compile.Options{
				Config: config.Options{Dev: true, ReadFile: func(string) ([]byte, error) { return []byte(text.Load().(string)), nil }, LookupEnv: func(name string) (string, bool) {
					value, set := c.env[name]
					return value, set
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := plan.ChooseSandboxes(t.Context(), acme); err != nil || plan.Err() != nil {
				t.Fatal(err, plan.Err())
			}
			s, err := server.Start(t.Context(), plan, server.Options{
				Listener: listener, OpenStore: openMemory, Launcher: acme,
				WebhookSecrets: func(*compile.Plan) map[string]string {
					return map[string]string{"first": "made-first", "second": "made-second"}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			want := func(instances int, lines ...string) {
				t.Helper()
				targets, n := acme.targets()
				var got []string
				for _, target := range targets {
					got = append(got, target.Name+" "+strings.Replace(target.URL, port, "PORT", 1)+" "+target.Secret)
				}
				if strings.Join(got, "\n") != strings.Join(lines, "\n") || n != instances {
					t.Errorf("instance %d is told %q, want %q of instance %d", n, got, lines, instances)
				}
			}
			want(1, c.want...)
			text.Store(strings.Replace(config1, `"webhooks": [`, `"webhooks": [`+second+", ", 1))
			if err := s.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.want == nil {
				want(1)
			} else {
				want(2, append([]string{"second http://127.0.0.1:PORT/in whsec_new_of_it"}, c.want...)...)
			}
			inSandbox := func() bool {
				integration, _ := s.Actions().Integration("acme")
				return action.InSandbox(integration)
			}
			if got := inSandbox(); got != (c.want != nil) {
				t.Errorf("it runs in its sandbox: %v", got)
			}
			text.Store(strings.Replace(config1, `"key": "{{env.KEY}}"`, `"key": "key-of-acme"`, 1))
			if err := s.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, 10*time.Second, "with credentials it runs outside of it", func() bool { return !inSandbox() })
			if targets, _ := acme.targets(); len(targets) > 0 {
				t.Errorf("with credentials it is told %v", targets)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := s.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
