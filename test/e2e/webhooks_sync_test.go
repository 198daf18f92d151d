package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// syncSite is a site whose config has a webhook of Stripe's, and a double of Stripe
// that keeps endpoints.
type syncSite struct {
	*program.Site
	stripe *stripe
	server string // the section of the config
	filter string
}

func newSyncSite(t *testing.T) *syncSite {
	s := &syncSite{Site: program.NewSite(t, binaries), stripe: newStripe(t), server: `{ "publicUrl": "https://shop.example" }`, filter: `["payment_intent.succeeded", "charge.dispute.*"]`}
	s.Env["STRIPE_SECRET_KEY"] = secretKey
	return s
}

// sync runs `backflow webhooks sync`. Nothing that it prints holds a secret.
func (s *syncSite) sync(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	s.WriteConfig("backflow.json", fmt.Sprintf(`{
	  "pluginDirs": [%q], "server": %s,
	  "credentials": { "stripe": { "secretKey": "{{env.STRIPE_SECRET_KEY}}", "webhookSecret": "{{env.STRIPE_WEBHOOK_SECRET}}", "apiBase": %q } },
	  "webhooks": [
	    { "name": "stripe-events", "path": "/webhooks/stripe", "provider": "stripe", "filter": %s },
	    { "name": "pushes", "path": "/webhooks/github", "provider": "github", "secret": "hush-hush" }
	  ] }`, s.Plugins, s.server, s.stripe.url, s.filter))
	code, stdout, stderr = s.Run(append([]string{"webhooks", "sync", "-c", s.Config()}, args...)...)
	if text := stdout + stderr; strings.Contains(text, "whsec_") || strings.Contains(text, secretKey) {
		t.Errorf("%q prints a secret: %s", args, text)
	}
	return code, stdout, stderr
}

// planned is what `-o json` prints of one endpoint.
type planned struct {
	Webhook, Action, ID, URL, SecretFile string
	Types                                []string
	Applied                              bool
}

func (s *syncSite) json(t *testing.T, args ...string) []planned {
	t.Helper()
	code, stdout, stderr := s.sync(t, append(args, "-o", "json")...)
	var views []planned
	if err := json.Unmarshal([]byte(stdout), &views); code != 0 || err != nil {
		t.Fatalf("%q: exit code %d, %v: %s%s", args, code, err, stdout, stderr)
	}
	return views
}

// writes are the effects at Stripe.
func (s *syncSite) writes() (operations []string) {
	for _, effect := range s.stripe.Effects() {
		operations = append(operations, effect.Operation)
	}
	return operations
}

func TestAnEndpointIsRegisteredOnceAndItsSecretIsKeptInAFile(t *testing.T) {
	t.Parallel()
	s := newSyncSite(t)
	disputes := []string{"charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn", "charge.dispute.updated"}

	for name, args := range map[string][]string{"a dry run": {"--dry-run"}, "a dry run with consent": {"--dry-run", "--yes"}} {
		views := s.json(t, args...)
		if len(views) != 1 || views[0].Webhook != "stripe-events" || views[0].Action != "create" || views[0].URL != "https://shop.example/webhooks/stripe" ||
			!slices.Equal(views[0].Types, append(slices.Clone(disputes), "payment_intent.succeeded")) || views[0].Applied {
			t.Errorf("%s: %+v", name, views)
		}
	}
	if code, _, stderr := s.sync(t); code != 2 || !strings.Contains(stderr, "--yes does it") {
		t.Errorf("without a terminal: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := s.sync(t, "--yes"); code != 1 || !strings.Contains(stderr, "--secret-file") {
		t.Errorf("without a place for the secret: exit code %d: %s", code, stderr)
	}
	taken := filepath.Join(s.Dir, "taken")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := s.sync(t, "--yes", "--secret-file", taken); code != 1 || !strings.Contains(stderr, "exists") {
		t.Errorf("a file that is there: exit code %d: %s", code, stderr)
	}
	if kept, err := os.ReadFile(taken); err != nil || string(kept) != "mine" {
		t.Errorf("a file that was there holds %q, %v", kept, err)
	}
	if got := s.writes(); len(got) != 0 {
		t.Fatalf("before anything was to be done: %q", got)
	}

	file := filepath.Join(s.Dir, "stripe.secret")
	made := s.json(t, "--yes", "--secret-file", file)
	if len(made) != 1 || !made[0].Applied || made[0].ID == "" || made[0].SecretFile != file {
		t.Errorf("%+v", made)
	}
	secret, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || !strings.HasPrefix(string(secret), "whsec_") || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret is %q, %v %v %v", secret, info.Mode(), err, statErr)
	}
	code, stdout, stderr := s.sync(t, "--yes")
	if code != 0 || !strings.Contains(stdout, made[0].ID+" of stripe is as it should be") {
		t.Errorf("the second time: exit code %d: %s%s", code, stdout, stderr)
	}

	s.filter = `["charge.dispute.*"]`
	if changed := s.json(t, "--yes"); changed[0].Action != "update" || changed[0].ID != made[0].ID || !slices.Equal(changed[0].Types, disputes) {
		t.Errorf("%+v", changed)
	}
	if got, want := s.writes(), []string{"POST /v1/webhook_endpoints", "POST /v1/webhook_endpoints/" + made[0].ID}; !slices.Equal(got, want) {
		t.Errorf("the effects are %q, want %q", got, want)
	}
}

func TestWhatCannotBeRegisteredIsSaid(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	s := newSyncSite(t)
	for server, want := range map[string]string{
		`{}`:                                     "server.publicUrl: it is not set",
		`{ "publicUrl": "http://shop.example" }`: "server.publicUrl: vendors send to https addresses",
		`{ "publicUrl": "https://localhost" }`:   "server.publicUrl: no vendor reaches this machine by the name localhost",
		`{ "publicUrl": "https://127.0.0.1" }`:   "server.publicUrl: no vendor reaches 127.0.0.1",
		`{ "publicUrl": "https://10.1.2.3" }`:    "server.publicUrl: no vendor reaches 10.1.2.3",
		`{ "publicUrl": "https://100.64.0.1" }`:  "server.publicUrl: no vendor reaches 100.64.0.1",
		`{ "publicUrl": "https://127.1" }`:       "server.publicUrl: its host is no name",
		`{ "publicUrl": "https://shop.lan" }`:    "server.publicUrl: no vendor reaches this machine by the name shop.lan",
		`{ "publicUrl": "https://[::1]:8443" }`:  "server.publicUrl: no vendor reaches ::1",
	} {
		s.server = server
		if code, stdout, stderr := s.sync(t, "--dry-run"); code != 1 || stdout != "" || !strings.Contains(stderr, "backflow.json:") || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d: %s%s", server, code, stdout, stderr)
		}
	}
	s.server = `{ "publicUrl": "https://shop.example" }`
	for name, c := range map[string]struct{ arg, want string }{
		"no such webhook":         {"stripe-event", `no webhook "stripe-event" (did you mean "stripe-events"?)`},
		"one that registers none": {"pushes", `the provider "github" registers no endpoints: register https://shop.example/webhooks/github there by hand`},
	} {
		if code, _, stderr := s.sync(t, "--dry-run", c.arg); code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d: %s", name, code, stderr)
		}
	}
	s.filter = `["payment_intent.suceeded"]`
	if code, _, stderr := s.sync(t, "--dry-run"); code != 1 || !strings.Contains(stderr, `did you mean "payment_intent.succeeded"?`) {
		t.Errorf("a type that there is not: exit code %d: %s", code, stderr)
	}
	delete(s.Env, "STRIPE_SECRET_KEY")
	if code, _, stderr := s.sync(t, "--dry-run"); code != 1 || !strings.Contains(stderr, "STRIPE_SECRET_KEY is not set") {
		t.Errorf("without a key: exit code %d: %s", code, stderr)
	}
	if got := s.stripe.Effects(); len(got) != 0 {
		t.Errorf("effects: %+v", got)
	}
}
