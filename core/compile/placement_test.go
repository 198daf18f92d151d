package compile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// planOf loads a config with one webhook that has further keys, which stand in line 3.
func planOf(t *testing.T, keys string) (*Plan, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte("{ \"webhooks\": [\n{ \"name\": \"w\", \"path\": \"/w\", \"provider\": \"github\", \"secret\": \"hush\",\n"+keys+" }] }"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{WebhookProviders: provider.Table{{
		Name: "github", Verify: func(context.Context, sdk.WebhookRequest) (provider.Verified, error) { return provider.Verified{}, nil },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p, file
}

func TestWhatIsWrongWithAnOrderOrALaneIsAFaultAtItsPlace(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		`"ordered": 3`:                    ":3:12: webhooks[0].ordered: must be the template of a key, or an object with key and blockFor (such as \"{{payload.data.object.id}}\")",
		`"ordered": null`:                 ":3:12: webhooks[0].ordered: must be the template",
		`"ordered": ""`:                   ":3:12: webhooks[0].ordered: must be a string that is not empty",
		`"ordered": "{{payload.a"`:        ":3:12: webhooks[0].ordered: ",
		`"ordered": "{{paylod.id}}"`:      `(did you mean "payload"?)`,
		`"ordered": "{{steps.a.result}}"`: ":3:12: webhooks[0].ordered: ",
		`"ordered": {"blockFor": "1h"}`:   ":3:12: webhooks[0].ordered: key is missing",
		`"ordered": {"key": "{{payload.id}}", "blockFor": "soon"}`: ":3:50: webhooks[0].ordered.blockFor: blockFor must be a duration",
		`"ordered": {"key": "{{payload.id}}", "blokFor": "1h"}`:    `webhooks[0].ordered.blokFor: unknown key "blokFor" (did you mean "blockFor"?)`,
		`"lane": 4`:                                   ":3:9: webhooks[0].lane: must be an object with key, and concurrency or rate",
		`"lane": {"key": "{{payload.a}}"}`:            ":3:9: webhooks[0].lane: neither concurrency nor rate is given",
		`"lane": {"concurrency": 0}`:                  ":3:25: webhooks[0].lane.concurrency: must be an integer from 1 to 10000",
		`"lane": {"concurrency": "4"}`:                ":3:25: webhooks[0].lane.concurrency: must be an integer",
		`"lane": {"rate": "50"}`:                      `:3:18: webhooks[0].lane.rate: "50" is not a rate: a number from 1 to 1000000, and /s, /m or /h (such as "50/s", "10/m" or "100/h")`,
		`"lane": {"rate": "0/s"}`:                     `"0/s" is not a rate`,
		`"lane": {"rate": "1.5/s"}`:                   `"1.5/s" is not a rate`,
		`"lane": {"rate": "+5/s"}`:                    `"+5/s" is not a rate`,
		`"lane": {"rate": "5/d"}`:                     `"5/d" is not a rate`,
		`"lane": {"rate": 5}`:                         ":3:18: webhooks[0].lane.rate: must be a string",
		`"lane": {"key": {"a": 1}, "concurrency": 1}`: ":3:17: webhooks[0].lane.key: must be a string that is not empty",
		`"lane": {"concurency": 1}`:                   `(did you mean "concurrency"?)`,
		`"ordered": "{{env.HOME}}"`:                   "env stands for a secret",
	} {
		p, file := planOf(t, keys)
		err := p.Err()
		if err == nil || !strings.Contains(err.Error(), want) || strings.HasPrefix(want, ":") && !strings.HasPrefix(err.Error(), file+want) {
			t.Errorf("%s: %v, want %s", keys, err, want)
		}
		if err != nil && strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s is several faults: %v", keys, err)
		}
	}
}

func TestAWebhookHasTheOrderAndTheLaneThatItNames(t *testing.T) {
	t.Parallel()
	plain, _ := planOf(t, `"actions": []`)
	for keys, want := range map[string]workflow.Definition{
		`"actions": []`:               {},
		`"ordered": "{{payload.id}}"`: {Ordered: &workflow.Ordered{BlockFor: time.Hour}},
		`"ordered": {"key": "{{event.type}}-{{query.a}}", "blockFor": "5m"}`: {Ordered: &workflow.Ordered{BlockFor: 5 * time.Minute}},
		`"lane": {"rate": "10/m"}`: {Lane: &workflow.Lane{Rate: workflow.Rate{Count: 10, Per: time.Minute}}},
		`"lane": {"key": "{{payload.account}}", "concurrency": 4, "rate": "50/s"}, "ordered": "{{headers.host}}"`: {
			Ordered: &workflow.Ordered{BlockFor: time.Hour}, Lane: &workflow.Lane{Concurrency: 4, Rate: workflow.Rate{Count: 50, Per: time.Second}}},
	} {
		p, _ := planOf(t, keys)
		if err := p.Err(); err != nil {
			t.Errorf("%s: %v", keys, err)
			continue
		}
		got := p.Definitions[0]
		if diff := cmp.Diff(want.Ordered, got.Ordered, cmpopts.IgnoreTypes(&template.Template{})); diff != "" {
			t.Errorf("%s: order (-want +got):\n%s", keys, diff)
		}
		if diff := cmp.Diff(want.Lane, got.Lane, cmpopts.IgnoreTypes(&template.Template{})); diff != "" {
			t.Errorf("%s: lane (-want +got):\n%s", keys, diff)
		}
		// What runs are pinned to stays as it was: how they take turns is no part of it.
		if got.Hash != plain.Definitions[0].Hash {
			t.Errorf("%s changes the hash of the actions", keys)
		}
	}
}
