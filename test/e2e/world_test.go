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

// world is a gateway with what stands around it.
type world struct {
	*program.Site
	store string // the example config
	edits []program.Edit
	redis *redistest.Server // nil with SQLite
	// stripe is what stands in for Stripe, nil in the sandbox.
	stripe *stripe
}

// onBothStores runs a test on each of the example configs.
func onBothStores(t *testing.T, test func(t *testing.T, w *world)) {
	for _, example := range []string{"stripe.json", "stripe.redis.json"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, example))
		})
	}
}

// newWorld makes a site with an example config, and a Redis of its own where
// the config wants one.
func newWorld(t *testing.T, example string) *world {
	w := &world{Site: program.NewSite(t, binaries), store: example}
	if example == "stripe.redis.json" {
		w.redis = redistest.Start(t, redistest.Options{AppendFsync: "always"})
		w.edits = []program.Edit{{Old: `"redis://127.0.0.1:6379/0"`, New: `"` + w.redis.URL() + `"`}}
	}
	return w
}

// withSecrets sets the environment that the example configs speak of.
func (w *world) withSecrets() {
	w.Env["STRIPE_SECRET_KEY"] = secretKey
	w.Env["STRIPE_WEBHOOK_SECRET"] = webhookSecret
}

// withStripe has the double stand where Stripe is.
func (w *world) withStripe(t *testing.T) {
	w.withSecrets()
	w.stripe = newStripe(t)
	w.edits = append(w.edits, program.Edit{
		Old: "\"secretKey\": \"{{env.STRIPE_SECRET_KEY}}\",",
		New: "\"secretKey\": \"{{env.STRIPE_SECRET_KEY}}\", \"apiBase\": \"" + w.stripe.url + "\",",
	})
}

// sandbox starts `backflow dev` with nothing in its environment.
func sandbox(w *world) *program.Gateway {
	w.WriteExample(w.store, w.edits...)
	return w.Dev()
}

// serve starts `backflow serve`, which lets apiToken in.
func (w *world) serve(t *testing.T) *program.Gateway {
	w.withStripe(t)
	w.edits = append(w.edits, letIn("*"))
	w.WriteExample(w.store, w.edits...)
	return w.Serve(apiToken)
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
func (w *world) payments(t *testing.T) []payment {
	t.Helper()
	// `serve` and `dev` keep the database in different places.
	paths, err := filepath.Glob(filepath.Join(w.Dir, "*", "data", "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		paths = []string{filepath.Join(w.Dir, ".backflow", "app.db")}
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
func (w *world) ended(t *testing.T, g *program.Gateway, id, status string) {
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
