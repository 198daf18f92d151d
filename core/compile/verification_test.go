package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

// checked returns what is wrong with a config of one webhook, without the name of its
// file.
func checked(t *testing.T, webhook string) (*Plan, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "webhooks": [
`+webhook+`] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{WebhookProviders: provider.BuiltIn()})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(action.NewCatalog(nil)); err != nil {
		return p, strings.ReplaceAll(err.Error(), file, "backflow.json")
	}
	return p, ""
}

// TestHowASenderSignsIsCheckedBeforeAnythingStarts, with the place, and what to do.
func TestHowASenderSignsIsCheckedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	for webhook, want := range map[string]string{
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X-Signature"}}`:                                                            "",
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","timestampHeader":"T","content":"{{timestamp}}.{{body}}"}}`:             "",
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","timestampHeader":"","idHeader":"","content":"{{body}}"}}`:              "",
		`{"name":"a","path":"/a","provider":"custom","secret":"s"}`:                                                                                              `backflow.json:2:1: webhooks[0]: the provider custom needs "custom", which says how the sender signs (give "custom": {`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","custom":{"header":"X"}}`:                                                                      `backflow.json:2:67: webhooks[0]: "custom" is for the provider custom: how github signs is known`,
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","content":"{{timestamp}}.{{body}}"}}`:                                   `backflow.json:2:91: webhooks[0].custom.content: it holds {{timestamp}}, and no header is named that has it (give "timestampHeader")`,
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","content":"{{boddy}}"}}`:                                                `{{boddy}} is nothing that can be signed (did you mean "body"?)`,
		`{"name":"a","path":"/a","provider":"custom","secrets":["s","whpk_x"],"custom":{"header":"X"}}`:                                                          `backflow.json:2:60: the secret of webhook "a" is not one of custom: what begins with whpk_ goes on in the base64`,
		`{"name":"a","path":"/a","provider":"custom","custom":{"header":"X"}}`:                                                                                   `webhook "a" has no secret`,
		`{"name":"a","path":"/a","provider":"standard","secret":"whsec_not base64"}`:                                                                             `backflow.json:2:56: the secret of webhook "a" is not one of standard: a secret of Standard Webhooks is whsec_ and base64`,
		`{"name":"a","path":"/a","provider":"standard","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`:                                                       "",
		`{"name":"a","path":"/a","provider":"github","secret":"s","challenge":{"verifyToken":"x"}}`:                                                              `webhooks[0]: the provider github has no challenge of its own (give "method" and "param" or "path")`,
		`{"name":"a","path":"/a","provider":"meta","secret":"s","challenge":{"verifyToken":"x"}}`:                                                                "",
		`{"name":"a","path":"/a","provider":"github","secret":"s","challenge":{"method":"GET","param":"hub.challenge"}}`:                                         "",
		`{"name":"a","path":"/a","provider":"githb","secret":"s"}`:                                                                                               `backflow.json:2:36: there is no integration "githb"`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","challenge":{"method":"PUT","path":"a"}}`:                                                      `webhooks[0].challenge.method: unknown value "PUT" (known: GET, POST)`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","challenge":"x"}`:                                                                              `webhooks[0].challenge: expected an object, found a string`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","filter":"issues.*"}`:                                                                          `backflow.json:2:67: webhooks[0].filter: a condition compares something, and this looks like a type (types are given as a list: ["issues.*"])`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","filter":"{{event.tpye}} === 'push'"}`:                                                         `webhooks[0].filter: event has no "tpye" (did you mean "type"?)`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","ordered":"{{event.ID}}"}`:                                                                     `webhooks[0].ordered: event has no "ID" (did you mean "id"?)`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","ordered":"payload.id"}`:                                                                       `webhooks[0].ordered: the key has no placeholder, so that it is the same for all (write "{{payload.id}}")`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","lane":{"key":"event.type","concurrency":1}}`:                                                  `webhooks[0].lane.key: the key has no placeholder, so that it is the same for all (write "{{event.type}}")`,
		`{"name":"a","path":"/a","provider":"github","secret":"s","ordered":"all"}`:                                                                              "",
		`{"name":"a","path":"/a","provider":"shopify","secret":"sk_live_x"}`:                                                                                     "",
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","algorithm":"sha512","encoding":"base64","content":"{{url}}{{body}}"}}`: "",
	} {
		if _, got := checked(t, webhook); want == "" && got != "" || !strings.Contains(got, want) || strings.Count(got, "\n") > 0 {
			t.Errorf("%s:\n%s\nwant %s", webhook, got, want)
		}
	}
}

// TestATimeThatIsNotSignedIsAWarning: it keeps nobody from sending a request again.
func TestATimeThatIsNotSignedIsAWarning(t *testing.T) {
	t.Parallel()
	for content, warned := range map[string]bool{
		`"{{body}}"`: true, `"{{timestamp}}.{{body}}"`: false, `"{{headers.x-time}}.{{body}}"`: false, `"{{headers.x-tim}}.{{body}}"`: true,
	} {
		p, faults := checked(t, `{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","timestampHeader":"X-Time","content":`+content+`}}`)
		if faults != "" || len(p.Warnings) != 0 != warned {
			t.Errorf("%s: faults %q, warnings %v", content, faults, p.Warnings)
		}
		if warned && !strings.Contains(p.Warnings[0].String(), "webhooks[0].custom.timestampHeader: the time is no part of what is signed") {
			t.Errorf("%s: %v", content, p.Warnings)
		}
	}
}

// TestAWebhookThatCanOnlyRefuseIsAWarning, with what to give.
func TestAWebhookThatCanOnlyRefuseIsAWarning(t *testing.T) {
	t.Parallel()
	for webhook, want := range map[string]string{
		`{"name":"a","path":"/a","provider":"twilio","secret":"s"}`:                                                                  `:2:36: webhooks[0]: the URL is part of what the sender signs, and server.publicUrl is not set: every request is refused`,
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","content":"{{url}}{{body}}"}}`:              `webhooks[0]: the URL is part of what the sender signs, and server.publicUrl is not set`,
		`{"name":"a","path":"/a","provider":"twilio","secret":"s"}], "server": {"publicUrl":"https://a.example"}, "destinations": [`: "",
		`{"name":"a","path":"/a","provider":"meta","secret":"s"}`:                                                                    `webhooks[0]: meta tests the URL by a token, and the config has none: the test is refused (give "challenge": { "verifyToken": `,
		`{"name":"a","path":"/a","provider":"meta","secret":"s","challenge":{"verifyToken":"t"}}`:                                    "",
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X","tolerance":"30s"}}`:                        `webhooks[0].custom.tolerance: no time is checked, since no header is named that has it (give "timestampHeader", or leave it out)`,
		`{"name":"a","path":"/a","provider":"dropbox","secret":"s"}`:                                                                 "",
	} {
		p, faults := checked(t, webhook)
		var got []string
		for _, w := range p.Warnings {
			got = append(got, w.String())
		}
		if faults != "" || len(got) > 1 || !strings.Contains(strings.Join(got, ""), want) || want == "" && len(got) > 0 {
			t.Errorf("%s: faults %q, warnings %q, want %s", webhook, faults, got, want)
		}
	}
}

// TestAWebhookHasWhatItsConfigSaysOfItsSender: how it signs, and its challenge.
func TestAWebhookHasWhatItsConfigSaysOfItsSender(t *testing.T) {
	t.Parallel()
	for webhook, url := range map[string]string{
		`{"name":"a","path":"/a","provider":"meta","secret":"s","challenge":{"verifyToken":"tok"}}`:                                                      "/a?hub.challenge=42&hub.verify_token=tok",
		`{"name":"a","path":"/a","provider":"dropbox","secret":"s"}`:                                                                                     "/a?challenge=42",
		`{"name":"a","path":"/a","provider":"custom","secret":"s","custom":{"header":"X"},"challenge":{"method":"GET","param":"c","verifyToken":"tok"}}`: "/a?c=42&token=tok",
		`{"name":"a","path":"/a","provider":"standard","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","challenge":{"method":"GET","param":"c"}}`:      "https://x/a?c=42",
		`{"name":"a","path":"/a","provider":"slack","secret":"s","challenge":{"method":"GET","param":"c","verifyToken":"tok"}}`:                          "/a?c=42&verify_token=tok",
	} {
		p, faults := checked(t, webhook)
		if faults != "" {
			t.Fatal(faults)
		}
		found, ok := p.WebhookProvider(p.Config.Webhooks[0], nil)
		if !ok || len(found.Methods) != 1 || found.Methods[0] != "GET" {
			t.Fatalf("%s: found %t, methods %q", webhook, ok, found.Methods)
		}
		got, err := found.Verify(t.Context(), sdk.WebhookRequest{Method: "GET", URL: url, Secrets: []string{"s"}})
		if err != nil || got.ID != "" || got.Reply == nil || string(got.Reply.Body) != "42" || got.Reply.ContentType != "text/plain; charset=utf-8" {
			t.Errorf("%s: %+v, %v", webhook, got, err)
		}
		if got, err := found.Verify(t.Context(), sdk.WebhookRequest{Method: "POST", URL: url, Secrets: []string{"s"}}); err == nil {
			t.Errorf("%s: a POST of the same URL is %+v", webhook, got)
		}
	}
}
