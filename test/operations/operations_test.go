package operations

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

const apiToken = "bf_tokenOfTheOperations"

// gateway starts a gateway whose Stripe is at an address.
func gateway(t *testing.T, stripe, description string) *program.Gateway {
	t.Helper()
	site := program.NewSite(t, binaries)
	credentials := map[string]string{"secretKey": "sk_test_operations", "apiBase": stripe}
	if description != "" {
		credentials["apiDescription"] = description
	}
	config, err := json.Marshal(map[string]any{
		"pluginDirs":  []string{site.Plugins},
		"credentials": map[string]any{"stripe": credentials},
		"auth": map[string]any{"tokens": []any{map[string]any{
			"name": "test", "hash": fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(apiToken))), "scopes": []string{"integrations:stripe:call", "integrations:stripe:read"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	site.WriteConfig("backflow.json", string(config))
	return site.Serve(apiToken)
}

// call is one call of an operation.
type call struct {
	*operation
	params map[string]any
}

// TestAnOperationArrivesAsItWasMeant is a sample of what all of them show.
func TestAnOperationArrivesAsItWasMeant(t *testing.T) {
	t.Parallel()
	raw, path := given(t)
	_, all := describe(t, raw)
	const sample = 50
	var calls []call
	for i := range sample {
		o := &all[i*len(all)/sample]
		calls = append(calls, minimal(o), full(o, i), full(o, i+1))
	}
	for i := range all {
		if o := &all[i]; o.multipart || o.id == "GetQuotesQuotePdf" {
			calls = append(calls, full(o, 0), full(o, 1))
		}
	}
	drive(t, path, calls)
}

// TestEveryOperationArrivesAsItWasMeant goes through each operation of the
// description, with what it requires, and with everything that it takes: each value of
// each enum and each branch of each union.
func TestEveryOperationArrivesAsItWasMeant(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	raw, path := given(t)
	version, all := describe(t, raw)
	if want := map[string]int{"2023-10-16": 507, "2026-08-26.dahlia": 594}[version]; len(all) != want {
		t.Errorf("%d operations of %s, want %d", len(all), version, want)
	}
	var calls []call
	for i := range all {
		o := &all[i]
		calls = append(calls, minimal(o))
		params, _ := o.params()
		most := 1
		for _, schema := range params {
			most = max(most, choices(schema))
		}
		for choice := range most {
			calls = append(calls, full(o, choice))
		}
	}
	t.Logf("%d calls of %d operations of %s", len(calls), len(all), version)
	drive(t, path, calls)
}

func minimal(o *operation) call          { return call{o, maker{}.params(o, 0)} }
func full(o *operation, choice int) call { return call{o, maker{full: true}.params(o, choice)} }

// callers is how many call at once.
const callers = 4

// drive makes the calls through a gateway, and compares what arrives.
func drive(t *testing.T, description string, calls []call) {
	t.Helper()
	tap := startTap(t)
	g := gateway(t, tap.URL, description)
	queue := make(chan call)
	var work sync.WaitGroup
	for i := range callers {
		account := fmt.Sprintf("acct_%d", i)
		work.Go(func() {
			for c := range queue {
				send(t, g, tap, account, c)
			}
		})
	}
	for _, c := range calls {
		queue <- c
	}
	close(queue)
	work.Wait()
	tap.mu.Lock()
	defer tap.mu.Unlock()
	for _, fault := range tap.faults {
		t.Error(fault)
	}
}

// send makes one call, and compares what arrived.
func send(t *testing.T, g *program.Gateway, tap *tap, account string, c call) {
	body, err := json.Marshal(map[string]any{"operationId": c.id, "params": c.params, "stripeAccount": account})
	if err != nil {
		t.Error(err)
		return
	}
	action := "call"
	if c.method == "GET" {
		action = "read"
	}
	answer, err := g.Send(program.Request{Method: "POST", Path: "/integrations/stripe/" + action, Body: string(body)})
	if err != nil {
		t.Errorf("%s: %v", c.id, err)
		return
	}
	came := tap.take(account)
	if len(came) != 1 {
		t.Errorf("%s %s: %d requests arrived; %d %s", c.id, shown(c.params), len(came), answer.Status, answer.Body)
		return
	}
	if diff := cmp.Diff(meant(c.operation, c.params), came[0].lines); diff != "" {
		t.Errorf("%s %s:\n%s", c.id, shown(c.params), diff)
	}
	if came[0].status == 200 && (answer.Status != 200 || string(answer.Body) != came[0].answer) {
		t.Errorf("%s: the mock answered %s, the gateway %d %s", c.id, came[0].answer, answer.Status, answer.Body)
	}
	if came[0].status != 200 {
		t.Errorf("%s %s: the mock refuses it: %s", c.id, shown(c.params), came[0].answer)
	}
}
