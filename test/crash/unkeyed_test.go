package crash

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// printer is an integration that honours no key: each request is a letter.
type printer struct {
	url     string
	letters atomic.Int64
	jam     atomic.Bool // a letter is printed and not answered
}

func startPrinter(t *testing.T) *printer {
	p := &printer{}
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.letters.Add(1)
		if p.jam.Load() {
			select {
			case <-r.Context().Done():
			case <-done:
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"printed":true}`)) // the client may be gone
	}))
	t.Cleanup(func() { close(done); server.Close() })
	p.url = server.URL
	return p
}

// declare adds the printer to the harness's config, and a workflow that uses it.
func (h *harness) declare(t *testing.T, printer *printer) {
	t.Helper()
	text, err := os.ReadFile(h.Config())
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), `"pluginDirs": [`, `"customIntegrations": [{
		"name": "printer", "baseUrl": "`+printer.url+`",
		"actions": { "print": { "method": "POST", "path": "/letters", "body": { "text": "{{params.text}}" } } }
	}],
	"pluginDirs": [`, 1)
	edited = strings.Replace(edited, `"workflows": [`, `"workflows": [{
		"id": "write",
		"steps": [{ "id": "letter", "type": "printer", "action": "print", "params": { "text": "{{input.text}}" } }]
	}, `, 1)
	h.WriteConfig(filepath.Base(h.Config()), edited)
}

// letter asks for a letter under a key.
func letter(key string) program.Request {
	return program.Request{
		Method: http.MethodPost, Path: "/integrations/printer/actions/print",
		Body: `{"text":"dear customer"}`, Header: map[string]string{"Idempotency-Key": key},
	}
}

func TestWhatHonoursNoKeyIsNotRepeatedAfterAKill(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	for _, example := range []string{onSQLite, onRedis} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			printer := startPrinter(t)
			h := newHarness(t, failing(t), example)
			h.declare(t, printer)
			for _, at := range failpoints {
				key := keyOf("letter " + at.kill)
				before := printer.letters.Load()
				printer.jam.Store(at.name == "")
				if at.name != "" {
					h.Env["BACKFLOW_FAILPOINT"] = at.name
				}
				g := h.Serve(token)
				delete(h.Env, "BACKFLOW_FAILPOINT")
				h.dieUnder(t, g, letter(key), at.name == "", func() bool { return printer.letters.Load() > before })
				printer.jam.Store(false)
				g = h.Serve(token)
				for range 2 {
					answer := g.Do(letter(key))
					if at.replayed {
						program.Want(t, http.StatusOK, answer)
					} else if program.Want(t, http.StatusBadGateway, answer); answer.Text("code") != "outcome_unknown" {
						t.Errorf("%s: answered %s", at.kill, answer.Body)
					}
				}
				if got := printer.letters.Load() - before; got != int64(at.effects) {
					t.Errorf("%s: %d letters, want %d", at.kill, got, at.effects)
				}
				g.Stop()
			}
		})
	}
}

func TestAStepThatHonoursNoKeyFailsAfterAKillAndIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, example := range []string{onSQLite, onRedis} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			printer := startPrinter(t)
			h := newHarness(t, binaries, example)
			h.declare(t, printer)
			g := h.Serve(token)
			printer.jam.Store(true)
			id := program.Want(t, http.StatusAccepted, g.Post("/workflows/write/runs", `{"text":"dear customer"}`)).Text("id")
			testkit.Eventually(t, time.Minute, "the letter is printed", func() bool { return printer.letters.Load() == 1 })
			g.Kill()
			h.PluginsGone(orphanLimit)
			printer.jam.Store(false)
			run := outcome(t, h.Serve(token), id)
			if run.Text("status") != "failed" || run.Text("error.code") != "outcome_unknown" {
				t.Errorf("the run ended as %s", run.Body)
			}
			if n := printer.letters.Load(); n != 1 {
				t.Errorf("%d letters, want one", n)
			}
		})
	}
}
