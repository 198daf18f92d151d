package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// fetchingConfig keeps a row for each customer, as it is when its event is worked on.
const fetchingConfig = `{
  "pluginDirs": [%q],
  "credentials": {
    "stripe": { "secretKey": "{{env.STRIPE_SECRET_KEY}}" },
    "database": { "url": "sqlite://shop.db", "migrations": "customers" }
  },
  "webhooks": [{
    "name": "customers", "path": "/webhooks/stripe", "provider": "stripe", "secret": %q,
    "filter": ["customer.*"], "ordered": "{{payload.data.object.id}}", "fetch": %t,
    "actions": [
      { "id": "keep", "condition": "{{payload.%[4]s.deleted ?? false}} === false", "type": "database", "action": "upsert",
        "params": { "table": "customers", "onConflict": ["id"], "data": { "id": "{{payload.%[4]s.id}}", "name": "{{payload.%[4]s.name}}" } } },
      { "id": "drop", "condition": "{{payload.%[4]s.deleted ?? false}} === true", "type": "database", "action": "delete",
        "params": { "table": "customers", "key": "{{payload.%[4]s.id}}" }, "onError": "continue" }
    ]
  }]
}`

// customerBox is a gateway of dev whose Stripe is the sandbox, with one customer in it
// whose name has changed twice.
type customerBox struct {
	*program.Site
	*program.Gateway
	id string
}

func newCustomerBox(t *testing.T, fetch bool) *customerBox {
	t.Helper()
	b := &customerBox{Site: program.NewSite(t, binaries)}
	migrations := filepath.Join(b.Dir, "configs", "customers")
	if err := os.Mkdir(migrations, 0o700); err != nil {
		t.Fatal(err)
	}
	const table = "-- +goose Up\nCREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT);\n-- +goose Down\nDROP TABLE customers;\n"
	if err := os.WriteFile(filepath.Join(migrations, "0001_customers.sql"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	object := "data.object"
	if fetch {
		object = "fetched"
	}
	b.WriteConfig("backflow.json", fmt.Sprintf(fetchingConfig, b.Plugins, webhookSecret, fetch, object))
	b.Gateway = b.Dev()
	b.id = program.Want(t, 200, b.Post("/integrations/stripe/customers", `{"name":"first"}`)).Text("id")
	for _, name := range []string{"second", "third"} {
		program.Want(t, 200, b.Post("/integrations/stripe/customers/"+b.id, `{"name":"`+name+`"}`))
	}
	b.wait(t, 3)
	return b
}

// wait waits until so many events are processed.
func (b *customerBox) wait(t *testing.T, events int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, fmt.Sprintf("%d events are processed", events), func() bool {
		list := program.Want(t, 200, b.Get("/runs?workflow=webhook:customers&status=succeeded"))
		data, _ := list.Field("data").([]any)
		return len(data) == events
	})
}

// late sends an event that shows the customer as it was long ago, and returns its run.
func (b *customerBox) late(t *testing.T, id string) program.Response {
	t.Helper()
	body := fmt.Sprintf(`{"id":%q,"object":"event","type":"customer.updated","livemode":false,"created":1700000000,
		"data":{"object":{"id":%q,"object":"customer","name":"ancient"}}}`, id, b.id)
	program.Want(t, 200, b.Do(program.StripeDelivery(body, webhookSecret, time.Now())))
	run := program.Want(t, 200, b.Get("/runs?workflow=webhook:customers&limit=1")).Text("data.0.id")
	var shown program.Response
	testkit.Eventually(t, 30*time.Second, "the late event is processed", func() bool {
		shown = program.Want(t, 200, b.Get("/runs/"+run))
		return shown.Text("status") == "succeeded"
	})
	return shown
}

// names are the rows of the customer.
func (b *customerBox) names(t *testing.T) []string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.Dir, "configs", "shop.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM customers")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// TestALateEventNeverWritesOldStateWhereItsObjectIsFetched: an event that is older than
// all that came before it leaves the row as it is now. Without fetch it does not.
func TestALateEventNeverWritesOldStateWhereItsObjectIsFetched(t *testing.T) {
	t.Parallel()
	b := newCustomerBox(t, true)
	if got := b.names(t); fmt.Sprint(got) != "[third]" {
		t.Fatalf("the rows are %q", got)
	}
	run := b.late(t, "evt_late_1")
	if run.Text("steps.0.id") != "fetch" || run.Text("steps.0.status") != "succeeded" || run.Text("steps.0.result.name") != "third" {
		t.Errorf("the run is %s", run.Body)
	}
	if got := b.names(t); fmt.Sprint(got) != "[third]" {
		t.Errorf("after a late event the rows are %q", got)
	}

	program.Want(t, 200, b.Do(program.Request{Method: http.MethodDelete, Path: "/integrations/stripe/customers/" + b.id, Token: b.Token}))
	b.wait(t, 5)
	run = b.late(t, "evt_late_2")
	if run.Field("steps.0.result.deleted") != true || run.Text("steps.0.result.id") != b.id {
		t.Errorf("the run is %s", run.Body)
	}
	if got := b.names(t); len(got) != 0 {
		t.Errorf("after it was deleted the rows are %q", got)
	}
}

func TestALateEventWritesOldStateWhereNothingIsFetched(t *testing.T) {
	t.Parallel()
	b := newCustomerBox(t, false)
	b.late(t, "evt_late_1")
	if got := b.names(t); fmt.Sprint(got) != "[ancient]" {
		t.Errorf("the rows are %q", got)
	}
}

// TestFetchOfAPluginOfAnothersMaking: the plugin says which action of it fetches.
func TestFetchOfAPluginOfAnothersMaking(t *testing.T) {
	testkit.Long(t) // it is built here
	t.Parallel()
	s := program.NewSite(t, binaries)
	if err := testkit.Build(s.Plugins, map[string]testkit.Program{"backflow-plugin-fixture": {Source: "core/plugin/conformance/internal/fixture"}}); err != nil {
		t.Fatal(err)
	}
	s.WriteConfig("backflow.json", fmt.Sprintf(`{ "pluginDirs": [%q], "webhooks": [{
	  "name": "things", "path": "/webhooks/things", "provider": "fixture", "secret": "hush", "fetch": true,
	  "actions": [{ "id": "keep", "type": "set", "values": { "gone": "{{payload.fetched.deleted}}", "of": "{{payload.type}}" } }] }] }`, s.Plugins))
	g := s.Dev()
	const body = `{"type":"thing.done"}`
	mac := hmac.New(sha256.New, []byte("hush"))
	mac.Write([]byte(body))
	program.Want(t, 200, g.Do(program.Request{
		Method: http.MethodPost, Path: "/webhooks/things", Body: body,
		Header: map[string]string{"Signature": hex.EncodeToString(mac.Sum(nil))},
	}))
	run := program.Want(t, 200, g.Get("/runs?workflow=webhook:things&limit=1")).Text("data.0.id")
	testkit.Eventually(t, 30*time.Second, "the event is processed", func() bool {
		shown := program.Want(t, 200, g.Get("/runs/"+run))
		return shown.Text("steps.0.id") == "fetch" && shown.Field("steps.1.result.gone") == true && shown.Text("steps.1.result.of") == "thing.done"
	})
}
