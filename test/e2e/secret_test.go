package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

// seen collects what a gateway shows to anybody.
type seen struct {
	t *testing.T
	// texts are by where they were seen.
	texts map[string][]byte
}

func (s *seen) answer(what string, a program.Response) program.Response {
	var headers strings.Builder
	if err := a.Header.Write(&headers); err != nil {
		s.t.Fatal(err)
	}
	s.texts["the answer to "+what] = append([]byte(headers.String()), a.Body...)
	return a
}

// files reads every file below a directory.
func (s *seen) files(dir string, except ...string) {
	s.t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		for _, name := range except {
			if entry.Name() == name {
				return nil
			}
		}
		text, err := os.ReadFile(path)
		s.texts["the file "+path] = text
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// wantNo fails the test where a secret was seen.
func (s *seen) wantNo(secrets ...string) {
	s.t.Helper()
	if len(s.texts) == 0 {
		s.t.Error("nothing was seen")
	}
	for where, text := range s.texts {
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				s.t.Errorf("%s shows %s", where, secret)
			}
		}
	}
}

// traffic makes a gateway do everything that touches a secret.
func traffic(t *testing.T, h *harness, g *program.Gateway, s *seen) {
	s.answer("a payment", g.Post(intents, goodIntent, "Idempotency-Key", "order-1"))
	s.answer("a replay", g.Post(intents, goodIntent, "Idempotency-Key", "order-1"))
	s.answer("a decline", g.Post(intents, `{"amount":40002,"currency":"usd"}`))
	s.answer("a fault", g.Post(intents, `{"amount":-1,"currency":"usd"}`))
	s.answer("a wrong token", g.Do(program.Request{Method: "GET", Path: "/runs", Token: "bf_wrong"}))
	s.answer("a wrong path", g.Get("/nothing/here"))
	s.answer("a run", g.Post("/workflows/process-order/runs?wait=30s", order))
	s.answer("an event", g.Do(program.StripeDelivery(program.StripeEvent("evt_1", "payment_intent.succeeded", 2000), webhookSecret, time.Now())))
	s.answer("an event signed wrongly", g.Do(program.StripeDelivery(program.StripeEvent("evt_2", "payment_intent.succeeded", 2000), "whsec_wrong", time.Now())))
	h.settled(t, g, 1)
	for _, kind := range []stripedouble.Kind{stripedouble.CutAfter, stripedouble.HTML502, stripedouble.Error500} {
		if err := h.stripe.Script(stripedouble.Fault{Kind: kind, Times: 3}); err != nil {
			t.Fatal(err)
		}
		s.answer("fault "+string(kind), g.Post(intents, goodIntent))
		h.stripe.Clear()
	}
	for _, path := range []string{"/runs", "/runs?workflow=webhook:stripe-events", "/integrations", "/integrations/stripe", "/workflows", "/readyz", "/healthz"} {
		s.answer("GET "+path, g.Get(path))
	}
	list := g.Get("/runs")
	for _, run := range list.Field("data").([]any) {
		id, _ := run.(map[string]any)["id"].(string)
		s.answer("GET /runs/"+id, g.Get("/runs/"+id))
	}
}

func TestSecretsAreShownNowhere(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		s := &seen{t: t, texts: map[string][]byte{}}
		traffic(t, h, g, s)
		s.files(filepath.Join(h.Dir, "configs", "data")) // while it runs, with SQLite's journals
		if h.redis != nil {
			s.files(h.redis.Dir())
		}
		if code := g.Stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.files(h.Dir, "backflow-plugin-stripe", "backflow-plugin-database")
		stdout, stderr := g.Output()
		s.texts["stdout"], s.texts["stderr"] = []byte(stdout), []byte(stderr)
		s.wantNo(secretKey, webhookSecret, apiToken)
	})
}

func TestDevShowsItsTokenOnStdoutAlone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	h.Env["BACKFLOW_DEV_TOKEN"] = apiToken
	h.WriteExample(h.store, h.edits...)
	g := h.Dev()
	if g.Token != apiToken {
		t.Errorf("BACKFLOW_DEV_TOKEN does not fix the token: %s", g.Token)
	}
	s := &seen{t: t, texts: map[string][]byte{}}
	traffic(t, h, g, s)
	if code := g.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.files(h.Dir, "backflow-plugin-stripe", "backflow-plugin-database", "dev.json")
	stdout, stderr := g.Output()
	s.texts["stderr"] = []byte(stderr)
	s.wantNo(apiToken)
	s.texts["stdout"] = []byte(stdout)
	s.wantNo(secretKey, webhookSecret)
	if !strings.Contains(stdout, apiToken) {
		t.Error("the token is not printed")
	}

	// What dev keeps is for its user alone.
	for path, want := range map[string]fs.FileMode{".backflow": 0o700, ".backflow/dev.json": 0o600, ".backflow/state.db": 0o600, ".backflow/app.db": 0o600} {
		info, err := os.Stat(filepath.Join(h.Dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestAClientSecretThatNothingReadsIsNotKeptInARun(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		s := &seen{t: t, texts: map[string][]byte{}}
		run := s.answer("a run", program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", order)))
		if run.Text("status") != "succeeded" {
			t.Fatalf("%s", run.Body)
		}
		s.answer("the stream", g.Get("/runs/"+run.Text("id")+"/stream"))
		s.files(filepath.Join(h.Dir, "configs", "data"))
		if h.redis != nil {
			s.files(h.redis.Dir())
		}
		s.wantNo("_secret_")
		if paid := program.Want(t, 200, g.Post(intents, goodIntent)); !strings.Contains(paid.Text("client_secret"), "_secret_") {
			t.Errorf("a call does not return the client secret: %s", paid.Body)
		}
	})
}
