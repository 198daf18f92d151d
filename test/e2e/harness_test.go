package e2e

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

const (
	secretKey     = "sk_test_e2eSecretKeyOfTheShop"
	webhookSecret = "whsec_e2eSecretOfTheWebhook"
	apiToken      = "bf_e2eTokenOfTheShop"
	order         = `{"email":"customer@example.com","name":"John Doe","amount":2000}`
)

// harness is a gateway with what it needs around it.
type harness struct {
	*program.Site
	store string // the example config
	edits []program.Edit
	redis *redistest.Server // nil with SQLite
	// stripe is what stands in for Stripe, nil in the sandbox.
	stripe *stripe
}

// onBothStores runs a test on each of the example configs.
func onBothStores(t *testing.T, test func(t *testing.T, h *harness)) {
	for _, example := range []string{"stripe.json", "stripe.redis.json"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			test(t, newHarness(t, example))
		})
	}
}

// newHarness makes a site with an example config, and a Redis of its own where
// the config wants one.
func newHarness(t *testing.T, example string) *harness {
	h := &harness{Site: program.NewSite(t, binaries), store: example}
	if example == "stripe.redis.json" {
		h.redis = redistest.Start(t, redistest.Options{AppendFsync: "always"})
		h.edits = []program.Edit{{Old: `"redis://127.0.0.1:6379/0"`, New: `"` + h.redis.URL() + `"`}}
	}
	return h
}

// withSecrets sets the environment that the example configs speak of.
func (h *harness) withSecrets() {
	h.Env["STRIPE_SECRET_KEY"] = secretKey
	h.Env["STRIPE_WEBHOOK_SECRET"] = webhookSecret
}

// withStripe has the double stand where Stripe is.
func (h *harness) withStripe(t *testing.T) {
	h.withSecrets()
	h.stripe = newStripe(t)
	h.edits = append(h.edits, program.Edit{
		Old: "\"secretKey\": \"{{env.STRIPE_SECRET_KEY}}\",",
		New: "\"secretKey\": \"{{env.STRIPE_SECRET_KEY}}\", \"apiBase\": \"" + h.stripe.url + "\",",
	})
}

// sandbox starts `backflow dev` with nothing in its environment.
func sandbox(h *harness) *program.Gateway {
	h.WriteExample(h.store, h.edits...)
	return h.Dev()
}

// serve starts `backflow serve`, which lets apiToken in.
func (h *harness) serve(t *testing.T) *program.Gateway {
	h.withStripe(t)
	h.edits = append(h.edits, letIn("*"))
	h.WriteExample(h.store, h.edits...)
	return h.Serve(apiToken)
}

// letIn adds apiToken to a config.
func letIn(scopes ...string) program.Edit {
	hash := sha256.Sum256([]byte(apiToken))
	return program.Edit{Old: `"pluginDirs": [`, New: fmt.Sprintf(
		`"auth": { "tokens": [{ "name": "shop", "hash": "sha256:%s", "scopes": ["%s"] }] },
  "pluginDirs": [`, hex.EncodeToString(hash[:]), strings.Join(scopes, `", "`))}
}

// payment is a row of the table payments.
type payment struct {
	stripeID, kind string // kind is the storage class of the amount
	amount         int64
}

// payments reads the table as another program would.
func (h *harness) payments(t *testing.T) []payment {
	t.Helper()
	// `serve` and `dev` keep the database in different places.
	paths, err := filepath.Glob(filepath.Join(h.Dir, "*", "data", "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		paths = []string{filepath.Join(h.Dir, ".backflow", "app.db")}
	}
	db, err := sql.Open("sqlite", "file:"+paths[0]+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // nothing was written
	rows, err := db.Query("SELECT stripe_id, typeof(amount), amount FROM payments ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // Err is asked below
	var found []payment
	for rows.Next() {
		var p payment
		if err := rows.Scan(&p.stripeID, &p.kind, &p.amount); err != nil {
			t.Fatal(err)
		}
		found = append(found, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// ended waits until a run has ended with a status.
func (h *harness) ended(t *testing.T, g *program.Gateway, id, status string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, "run "+id+" is "+status, func() bool {
		run := program.Want(t, 200, g.In(t).Get("/runs/"+id))
		switch got := run.Text("status"); got {
		case status:
			return true
		case "succeeded", "failed":
			t.Fatalf("the run is %s", run.Body)
		}
		return false
	})
}
