package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// The secrets of two integrations: one whose API repeats it, and a password that
// somebody could guess.
const (
	echoedToken = "tok/abc+1"
	password    = "hunter1"
)

// echoes are ways in which an API may repeat the token in a JSON string.
var echoes = []string{
	`tok\/abc+1`, `tok\u002fabc\u002b1`, `tok%2fabc%2B1`, `tok%252Fabc%252b1`, `tok&#47;abc&#x2b;1`, `dG9rL2FiYysx`, `746f6b2f6162632b31`,
}

// newEcho starts an API that repeats the token in names and values, with the status
// that the path names.
func newEcho(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/text") {
			w.Header().Set("Content-Type", fmt.Sprintf("text/plain; token=%q", echoedToken))
			_, _ = fmt.Fprintf(w, "your token is %s", echoedToken)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/401") {
			w.WriteHeader(401)
		}
		_, _ = fmt.Fprintf(w, `{"%s":"%s","n":1.50}`, echoes[0], strings.Join(echoes, " "))
	}))
	t.Cleanup(server.Close)
	return server
}

func serveEcho(t *testing.T) (*program.Site, *program.Gateway) {
	s := program.NewSite(t, binaries)
	s.Env["ECHO_TOKEN"], s.Env["OTHER_PASSWORD"] = echoedToken, password
	config := fmt.Sprintf(`{
  "pluginDirs": [],
  "customIntegrations": [
    { "name": "echo", "baseUrl": %q, "auth": { "type": "bearer", "token": "{{env.ECHO_TOKEN}}" },
      "actions": { "good": { "method": "GET", "path": "/200" }, "bad": { "method": "GET", "path": "/401" },
                   "text": { "method": "GET", "path": "/text" },
                   "put": { "method": "PUT", "path": "/401", "body": "{{params.body}}", "params": {
                     "type": "object", "properties": { "body": { "type": "object" } }, "required": ["body"], "additionalProperties": false } } } },
    { "name": "other", "baseUrl": "http://127.0.0.1:1", "auth": { "type": "basic", "username": "shop", "password": "{{env.OTHER_PASSWORD}}" },
      "actions": { "get": { "method": "GET", "path": "/" } } }
  ],
  "workflows": [
    { "id": "good", "steps": [ { "id": "a", "type": "echo", "action": "good" } ] },
    { "id": "bad", "steps": [ { "id": "a", "type": "echo", "action": "bad" } ] },
    { "id": "text", "steps": [ { "id": "a", "type": "echo", "action": "text" } ] },
    { "id": "say", "steps": [ { "id": "a", "type": "fail", "message": "no {{input.word}}" } ] }
  ]
}`, newEcho(t).URL)
	s.WriteConfig("echo.json", strings.Replace(config, `"pluginDirs": [`, letIn("*").New, 1))
	return s, s.Serve(apiToken)
}

func TestASecretThatAnAPIEchoesIsShownNowhere(t *testing.T) {
	t.Parallel()
	s, g := serveEcho(t)
	shown := &seen{t: t, texts: map[string][]byte{}}
	good := program.Want(t, 200, shown.answer("a result", g.Post("/integrations/echo/actions/good", `{}`)))
	if want := `{"***":"` + strings.TrimSpace(strings.Repeat("*** ", len(echoes))) + `","n":1.50}`; string(good.Body) != want {
		t.Errorf("the result is %s, want %s", good.Body, want)
	}
	program.Want(t, 502, shown.answer("an error", g.Post("/integrations/echo/actions/bad", `{}`)))
	text := program.Want(t, 200, shown.answer("a text", g.Post("/integrations/echo/actions/text", `{}`)))
	if contentType := text.Header.Get("Content-Type"); contentType != `text/plain; token="***"` || string(text.Body) != "your token is ***" {
		t.Errorf("the text is %q, of type %q", text.Body, contentType)
	}
	for workflow, status := range map[string]string{"good": "succeeded", "bad": "failed", "text": "succeeded"} {
		run := program.Want(t, 200, shown.answer("run "+workflow, g.Post("/workflows/"+workflow+"/runs?wait=30s", `{}`)))
		if run.Text("status") != status {
			t.Errorf("%s", run.Body)
		}
	}
	shown.files(filepath.Dir(s.Config()), "echo.json")
	g.Stop()
	stdout, stderr := g.Output()
	shown.texts["stdout"], shown.texts["stderr"] = []byte(stdout), []byte(stderr)
	shown.wantNo(append(echoes, echoedToken)...)
}

func TestTheGatewayDoesNotConfirmAGuessedSecret(t *testing.T) {
	t.Parallel()
	_, g := serveEcho(t)
	for what, answer := range map[string]func(guess string) program.Response{
		"unknown names": func(guess string) program.Response {
			return g.Post("/integrations/echo/actions/good", `{"`+guess+`":1}`)
		},
		"an unknown path":  func(guess string) program.Response { return g.Get("/nothing/" + guess) },
		"an unknown query": func(guess string) program.Response { return g.Get("/runs?" + guess + "=1") },
		"the message of a failed run": func(guess string) program.Response {
			return g.Post("/workflows/say/runs?wait=30s", `{"word":"`+guess+`"}`)
		},
		"an API that repeats its own secret": func(guess string) program.Response {
			return g.Post("/integrations/echo/actions/put", `{"body":{"a":"`+guess+`","b":"`+strings.ReplaceAll(echoedToken, "+", `\u002b`)+`"}}`)
		},
	} {
		right, wrong := answer(password), answer("hunter2")
		if right.Status != wrong.Status || strings.Count(string(right.Body), "***") != strings.Count(string(wrong.Body), "***") {
			t.Errorf("%s: the right guess is told from a wrong one:\n%s\n%s", what, right.Body, wrong.Body)
		}
	}
}
