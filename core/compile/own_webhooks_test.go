package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
)

// TestAWebhookOfTheGatewaysOwnEventsHasNoSender: neither path nor secret, and a filter
// that can let something through.
func TestAWebhookOfTheGatewaysOwnEventsHasNoSender(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	check := func(webhook string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(`{ "webhooks": [
`+webhook+`] }`), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := Load(file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(action.NewCatalog(nil)); err != nil {
			return strings.ReplaceAll(err.Error(), file, "backflow.json")
		}
		return ""
	}
	for webhook, want := range map[string]string{
		`{"name":"a","provider":"backflow"}`:                                                                  "",
		`{"name":"a","provider":"backflow","filter":["run.*","plugin.down"],"window":"0s"}`:                   "",
		`{"name":"a","provider":"backflow","filter":"{{payload.data.run.workflow}} === 'pay'","window":"1h"}`: "",
		`{"name":"a","provider":"backflow","path":"/a"}`:                                                      `backflow.json:2:35: webhooks[0]: a webhook of the provider backflow has no "path" (leave it out: what happens to the gateway comes from itself, not over HTTP)`,
		`{"name":"a","provider":"backflow","secret":"hush"}`:                                                  `a webhook of the provider backflow has no "secret"`,
		`{"name":"a","provider":"backflow","respond":{"status":200}}`:                                         `a webhook of the provider backflow has no "respond"`,
		`{"name":"a","provider":"backflow","filter":["run.faild"]}`:                                           `backflow.json:2:45: webhooks[0].filter[0]: the gateway has no events "run.faild" (did you mean "run.failed"?)`,
		`{"name":"a","provider":"backflow","filter":["payment.*"]}`:                                           `the gateway has no events "payment.*" (known: event.failed, run.failed, `,
		`{"name":"a","provider":"backflow","window":"-1s"}`:                                                   `a duration must be above zero`,
		`{"name":"a","provider":"x","secret":"hush"}`:                                                         `webhooks[0]: "path" is missing`,
		`{"name":"a","provider":"x","path":"/a","secret":"s","window":"1m"}`:                                  `webhooks[0]: "window" is for the provider backflow`,
	} {
		if got := check(webhook); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %s", webhook, got, want)
		}
	}
}
