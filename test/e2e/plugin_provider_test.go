package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// TestAPluginsProviderIsTreatedAsABuiltInOne: its forms are payloads, its challenges and
// events get the replies that it gives, and the same body under an id that it does not
// sign is a repeat. It is a process, or a WASM guest.
func TestAPluginsProviderIsTreatedAsABuiltInOne(t *testing.T) {
	t.Parallel()
	for file, guest := range map[string]bool{"backflow-plugin-phone": false, "phone.wasm": true} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := program.NewSite(t, binaries)
			if err := testkit.Build(s.Plugins, map[string]testkit.Program{file: {Source: "sdk/examples/phone", Guest: guest}}); err != nil {
				t.Fatal(err)
			}
			hash := sha256.Sum256([]byte(apiToken))
			s.WriteConfig("backflow.json", fmt.Sprintf(`{
	"pluginDirs": [%q],
	"auth": { "tokens": [{ "name": "shop", "hash": "sha256:%s", "scopes": ["*"] }] },
	"webhooks": [{ "name": "calls", "path": "/calls", "provider": "phone", "secret": "of-the-exchange", "actions": [
		{ "id": "seen", "type": "set", "values": { "from": "{{payload.from}}", "type": "{{event.type}}" } }
	] }]
}`, s.Plugins, hex.EncodeToString(hash[:])))
			g := s.Serve(apiToken)
			send := func(secret, id, form string) program.Response {
				mac := hmac.New(sha256.New, []byte(secret))
				mac.Write([]byte(form))
				return g.In(t).Do(program.Request{Method: http.MethodPost, Path: "/calls", Body: form, Header: map[string]string{
					"Content-Type": "application/x-www-form-urlencoded", "X-Phone-Delivery": id, "X-Phone-Signature": hex.EncodeToString(mac.Sum(nil)),
				}})
			}
			wantReply := func(r program.Response, contentType, body string) {
				t.Helper()
				if r.Status != 200 || r.Header.Get("Content-Type") != contentType || string(r.Body) != body {
					t.Errorf("%d %s %s", r.Status, r.Header.Get("Content-Type"), r.Body)
				}
			}
			wantReply(send("of-the-exchange", "", "challenge=are+you+there"), "text/plain", "are you there")
			call := "call=CA1&from=%2B1+555+0100&state=ringing"
			for _, id := range []string{"1", "1", "another, for the same body"} {
				wantReply(send("of-the-exchange", id, call), "text/xml", "<Response/>")
			}
			if forged := send("of-another", "2", call); forged.Status != 400 || forged.Text("code") != "webhook_refused" {
				t.Errorf("forged: %d %s", forged.Status, forged.Body)
			}
			var run program.Response
			testkit.Eventually(t, 30*time.Second, "the one event has run", func() bool {
				runs, _ := program.Want(t, 200, g.In(t).Get("/runs?workflow=webhook:calls")).Field("data").([]any)
				if len(runs) != 1 {
					t.Fatalf("%d runs of one event", len(runs))
				}
				run = program.Want(t, 200, g.In(t).Get(fmt.Sprint("/runs/", runs[0].(map[string]any)["id"])))
				return run.Text("status") == "succeeded"
			})
			if got, _ := json.Marshal(run.Field("steps.0.result")); string(got) != `{"from":"+1 555 0100","type":"call.ringing"}` {
				t.Errorf("the actions saw %s", got)
			}
		})
	}
}
