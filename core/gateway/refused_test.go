package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

// starts takes every run.
type starts struct{}

func (starts) Start(_ context.Context, request engine.StartRequest) (engine.Run, error) {
	return engine.Run{ID: request.ID}, nil
}

// echo is a provider that is asked by GET and HEAD, and replies with what it was asked.
var echo = provider.Provider{
	Name: "echo", Methods: []string{"GET", "HEAD"},
	Verify: func(_ context.Context, r sdk.WebhookRequest) (provider.Verified, error) {
		_, query, _ := strings.Cut(r.URL, "?")
		switch {
		case r.Method != "POST":
			return provider.Verified{Reply: &provider.Reply{ContentType: "text/html", Body: []byte(r.Method + " " + query)}}, nil
		case http.Header(r.Headers).Get("X-Signature") == "good":
			return provider.Verified{ID: "evt_1", Type: "paid"}, nil
		}
		return provider.Verified{}, &sdk.WebhookRefusal{Reason: "the signature does not match"}
	},
}

// newEchoHarness has the webhook "echo" at /webhooks/echo.
func newEchoHarness(t *testing.T, change func(*webhook.Options)) *harness {
	t.Helper()
	intake, err := webhook.NewIntake(webhook.IntakeOptions{
		Webhook: "echo", Provider: "echo", Starter: starts{}, Events: event.NewLog(memory.New(memory.Options{})),
	})
	must(t, err)
	o := webhook.Options{Intake: intake, Path: "/webhooks/echo", Provider: echo, Secrets: []string{"s"}, MaxBodyBytes: 6000, Refusals: webhook.NewRefusals()}
	change(&o)
	receiver, err := webhook.NewReceiver(o)
	must(t, err)
	return newHarness(t, func(o *Options) { o.Routes.Webhooks = []Webhook{receiver} })
}

func TestAProviderIsServedAtTheMethodsThatItNeeds(t *testing.T) {
	t.Parallel()
	h := newEchoHarness(t, func(*webhook.Options) {})
	rec := h.send("GET", "/webhooks/echo?challenge=%3Cscript%3E", "", "Authorization:")
	if rec.Code != 200 || rec.Body.String() != "GET challenge=%3Cscript%3E" {
		t.Errorf("GET: %d %s", rec.Code, rec.Body)
	}
	if head := rec.Header(); head.Get("Content-Type") != "text/plain; charset=utf-8" || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("GET: %v", head)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	response, err := http.Head(server.URL + "/webhooks/echo")
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != 200 || response.ContentLength != int64(len("HEAD ")) {
		t.Errorf("HEAD: %d with %d bytes", response.StatusCode, response.ContentLength)
	}
	rec = h.send("PUT", "/webhooks/echo", "{}", "Authorization:")
	wantCode(t, rec, 405, codeMethodNotAllowed)
	if got := rec.Header().Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow %q", got)
	}
}

func TestTheResponseOfTheConfigIsSent(t *testing.T) {
	t.Parallel()
	respond, err := webhook.NewRespond(webhook.RespondOptions{Status: 202, Type: "application/xml", Body: "<Response>{{payload.text}}</Response>"})
	must(t, err)
	h := newEchoHarness(t, func(o *webhook.Options) { o.Respond = respond })
	rec := h.send("POST", "/webhooks/echo", `{"text":"<Dial>"}`, "Authorization:", "X-Signature: good")
	if rec.Code != 202 || rec.Body.String() != "<Response>&lt;Dial&gt;</Response>" || rec.Header().Get("Content-Type") != "application/xml" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	respond, err = webhook.NewRespond(webhook.RespondOptions{Status: 204, NoBody: true})
	must(t, err)
	h = newEchoHarness(t, func(o *webhook.Options) { o.Respond = respond })
	rec = h.send("POST", "/webhooks/echo", `{}`, "Authorization:", "X-Signature: good")
	if rec.Code != 204 || rec.Body.Len() != 0 || rec.Header().Get("Content-Type") != "" || rec.Header().Get("Content-Length") != "" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
}

func TestRefusedRequestsAreShown(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		h := newEchoHarness(t, func(o *webhook.Options) { o.KeepRefused = keep })
		list := func(query string) (data []any, cursor any) {
			t.Helper()
			rec := h.send("GET", "/webhooks/echo/refused"+query, "", "Authorization: Bearer "+fullToken)
			wantStatus(t, rec, 200)
			if !keep && strings.Contains(rec.Body.String(), "hush") {
				t.Errorf("what it held is shown: %s", rec.Body)
			}
			page := fields(t, rec.Body.Bytes())
			return page["data"].([]any), page["nextCursor"]
		}
		if data, cursor := list(""); len(data) != 0 || cursor != nil {
			t.Errorf("at first: %v, %v", data, cursor)
		}
		for range 3 {
			wantCode(t, h.send("POST", "/webhooks/echo?key=hush", "\xffhush", "Authorization:", "X-Signature: hush", "X-Request-Id: req-9"), 400, codeWebhookRefused)
		}
		wantCode(t, h.send("POST", "/webhooks/echo", strings.Repeat("x", 6001), "Authorization:", "X-Signature: good"), 413, codeTooLarge)
		wantStatus(t, h.send("POST", "/webhooks/echo", "{}", "Authorization:", "X-Signature: good"), 200)

		data, cursor := list("?limit=3")
		if len(data) != 3 || fmt.Sprint(cursor) != "2" {
			t.Fatalf("%v, %v", data, cursor)
		}
		first, second := data[0].(map[string]any), data[1].(map[string]any)
		if first["kind"] != "too_large" || fmt.Sprint(first["number"]) != "4" || fmt.Sprint(first["bodyBytes"]) != "6001" || first["kept"] != false {
			t.Errorf("the newest is %v", first)
		}
		if second["kind"] != "signature" || second["reason"] != "the signature does not match" || second["genuine"] != false || second["method"] != "POST" ||
			second["requestId"] != "req-9" || fmt.Sprint(second["bodyBytes"]) != "5" || second["client"] != "192.0.2.1" || second["kept"] != keep {
			t.Errorf("the one before is %v", second)
		}
		if data, cursor = list("?cursor=2"); len(data) != 1 || cursor != nil {
			t.Errorf("the last page is %v, %v", data, cursor)
		}

		rec := h.send("GET", "/webhooks/echo/refused/3", "", "Authorization: Bearer "+fullToken)
		wantStatus(t, rec, 200)
		one := fields(t, rec.Body.Bytes())
		if !keep && (one["url"] != nil || one["headerValues"] != nil || one["bodyBase64"] != nil) {
			t.Errorf("it is shown as %s", rec.Body)
		}
		if keep && (one["url"] != "/webhooks/echo?key=hush" || one["bodyBase64"] != "/2h1c2g=" || one["body"] != nil || fmt.Sprint(one["headerValues"].(map[string]any)["X-Signature"]) != "[hush]") {
			t.Errorf("it is shown as %s", rec.Body)
		}
		for _, path := range []string{"/webhooks/echo/refused/99", "/webhooks/echo/refused/x", "/webhooks/other/refused", "/webhooks/other/refused/1"} {
			wantCode(t, h.send("GET", path, "", "Authorization: Bearer "+fullToken), 404, sdk.CodeNotFound)
		}
		for _, query := range []string{"?limit=0", "?limit=201", "?cursor=x", "?cursor=0", "?page=1"} {
			wantCode(t, h.send("GET", "/webhooks/echo/refused"+query, "", "Authorization: Bearer "+fullToken), 400, codeBadRequest)
		}
		for _, path := range []string{"/webhooks/echo/refused", "/webhooks/echo/refused/1"} {
			wantStatus(t, h.send("GET", path, "", "Authorization:"), 401)
			wantStatus(t, h.send("GET", path, "", "Authorization: Bearer "+narrowToken), 403)
		}
	}
}

func TestTheGatewaysPathsBelowWebhooksAreNoWebhooks(t *testing.T) {
	t.Parallel()
	for path, owned := range map[string]bool{
		"/webhooks/stripe": false, "/webhooks/a/b": false, "/webhooks": false, "/webhooks/refused": false,
		"/webhooks/a/refused": true, "/webhooks/a/refused/1": true, "/webhooks/a/refused/1/2": false, "/runs/x": true,
	} {
		if got := OwnsPath(path); got != owned {
			t.Errorf("%s: %v", path, got)
		}
	}
}
