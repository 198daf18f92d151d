package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

const crmToken = "crm_e2eTokenOfTheCRM"

// crm is an API of users.
type crm struct {
	*httptest.Server
	mu    sync.Mutex // guards calls and hold
	calls []crmCall
	hold  chan struct{} // the next note is answered when it is closed; nil: at once
}

type crmCall struct{ line, key, body string }

func newCRM(t *testing.T) *crm {
	c := &crm{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.answer))
	t.Cleanup(c.Close)
	return c
}

func (c *crm) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what is not there is missed in the test
	c.mu.Lock()
	c.calls = append(c.calls, crmCall{r.Method + " " + r.RequestURI, r.Header.Get("Idempotency-Key"), string(body)})
	hold := c.hold
	if strings.HasSuffix(r.URL.Path, "/notes") {
		c.hold = nil
	} else {
		hold = nil
	}
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Header.Get("Authorization") != "Bearer "+crmToken:
		w.WriteHeader(401)
		_, _ = fmt.Fprintf(w, `{"message":"who is %s?"}`, r.Header.Get("Authorization"))
	case strings.Contains(r.URL.Path, "nobody"):
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"message":"no such user"}`)
	case hold != nil:
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	default:
		_, _ = io.WriteString(w, `{"id": "user 1/2", "balance": 12345678901234567890.10}`)
	}
}

// asked returns the calls so far.
func (c *crm) asked() []crmCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]crmCall(nil), c.calls...)
}

// withCRM makes a site with configs/custom.json.
func withCRM(t *testing.T, c *crm, token string) *program.Site {
	s := program.NewSite(t, binaries)
	s.Env["CRM_URL"], s.Env["CRM_TOKEN"] = c.URL+"/v1/", token
	s.WriteExample("custom.json", program.Edit{Old: `"customIntegrations": [{`, New: `"pluginDirs": ["../bin/plugins"], "customIntegrations": [{`},
		program.Edit{Old: `"pluginDirs": [`, New: letIn("*").New})
	return s
}

func TestADeclaredAPIIsAnIntegration(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	s := withCRM(t, c, crmToken)
	if code, out, stderr := s.Run("validate", "-c", s.Config()); code != 0 {
		t.Fatalf("validate: %d: %s%s", code, out, stderr)
	}
	g := s.Serve(apiToken)
	path := "/integrations/crm/actions/"
	user := program.Want(t, 200, g.Post(path+"getUser", `{"userId":"a/b","expand":"x&y"}`))
	if string(user.Body) != `{"id": "user 1/2", "balance": 12345678901234567890.10}` || user.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", user.Header, user.Body)
	}
	for params, pointer := range map[string]string{`{"userId":".."}`: "/userId", `{"userId":"a\r\nb"}`: "/userId", `{"userID":"a"}`: "", `{"userId":["a"]}`: "/userId"} {
		if refused := program.Want(t, 422, g.Post(path+"getUser", params)); pointer != "" && refused.Text("errors.0.pointer") != pointer {
			t.Errorf("%s: %s", params, refused.Body)
		}
	}
	missing := program.Want(t, 404, g.Post(path+"getUser", `{"userId":"nobody"}`))
	if missing.Text("crm.body.message") != "no such user" {
		t.Errorf("%s", missing.Body)
	}
	if got := c.asked(); len(got) != 2 || got[0].line != "GET /v1/users/a%2Fb?expand=x%26y" {
		t.Errorf("asked %v", got)
	}

	run := program.Want(t, 200, g.Post("/workflows/welcome/runs?wait=30s", `{"email":"ann@example.com"}`))
	if run.Text("status") != "succeeded" || fmt.Sprint(run.Field("output.balance")) != "12345678901234567890.10" {
		t.Errorf("%s", run.Body)
	}
	got := c.asked()[2:]
	if len(got) != 2 || got[0].line != "POST /v1/users" || got[0].body != `{"email":"ann@example.com"}` ||
		got[1].line != "POST /v1/users/user%201%2F2/notes" || got[0].key == "" || got[0].key == got[1].key {
		t.Errorf("asked %v", got)
	}
	described := program.Want(t, 200, g.Get("/integrations/crm"))
	if described.Text("status.state") != "ready" || strings.Contains(string(described.Body), crmToken) {
		t.Errorf("%s", described.Body)
	}
}

func TestATokenThatADeclaredAPIRefusesIsNotShown(t *testing.T) {
	t.Parallel()
	const wrong = "crm_theWrongToken"
	c := newCRM(t)
	g := withCRM(t, c, wrong).Serve(apiToken)
	refused := program.Want(t, 502, g.Post("/integrations/crm/actions/getUser", `{"userId":"a"}`))
	run := program.Want(t, 200, g.Post("/workflows/welcome/runs?wait=30s", `{"email":"ann@example.com"}`))
	if run.Text("status") != "failed" || run.Text("error.code") != "credentials_refused" {
		t.Errorf("%s", run.Body)
	}
	stdout, stderr := g.Output()
	for _, text := range []string{string(refused.Body), string(run.Body), stdout, stderr} {
		if strings.Contains(text, wrong) {
			t.Errorf("the token is shown: %s", text)
		}
	}
}

func TestAfterACrashADeclaredAPIIsAskedWithTheSameKey(t *testing.T) {
	t.Parallel()
	c := newCRM(t)
	c.hold = make(chan struct{})
	defer close(c.hold)
	s := withCRM(t, c, crmToken)
	g := s.Serve(apiToken)
	id := program.Want(t, 202, g.Post("/workflows/welcome/runs", `{"email":"ann@example.com"}`)).Text("id")
	testkit.Eventually(t, eventually, "the note is under way", func() bool { return len(c.asked()) == 2 })
	g.Kill()
	g = s.Serve(apiToken)
	testkit.Eventually(t, eventually, "the run goes on", func() bool {
		return program.Want(t, 200, g.Get("/runs/"+id)).Text("status") == "succeeded"
	})
	got := c.asked()
	if len(got) != 3 || got[1] != got[2] || got[1].key == "" || got[0].key == got[1].key {
		t.Errorf("asked %v", got)
	}
}
