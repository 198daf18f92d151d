package program

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/stripedouble"
)

var listeningDouble = regexp.MustCompile(`(?m)^(http://\S+)$`)

// Double is the double of Stripe as a process of its own, which outlives the
// gateways that a test kills.
type Double struct {
	*Child
	URL string
}

// StartDouble runs a double until the test ends.
func StartDouble(t testing.TB, b *Binaries) *Double {
	t.Helper()
	d := &Double{Child: Start(t, exec.Command(b.Double))}
	testkit.Eventually(t, startLimit, "the double of Stripe listens", func() bool {
		d.URL = d.stdout.find(listeningDouble)
		return d.URL != ""
	})
	return d
}

// SetChance makes requests fail by chance.
func (d *Double) SetChance(chance stripedouble.Chance) {
	d.t.Helper()
	d.faults(chance)
}

// Script adds faults, which apply one after the other.
func (d *Double) Script(script ...stripedouble.Fault) {
	d.t.Helper()
	d.faults(map[string][]stripedouble.Fault{"script": script})
}

func (d *Double) faults(wanted any) {
	d.t.Helper()
	body, err := json.Marshal(wanted)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := httpClient.Post(d.URL+"/_double/faults", "application/json", strings.NewReader(string(body)))
	if err != nil {
		d.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusNoContent {
		d.t.Fatalf("setting faults: %s, %v", res.Status, err)
	}
}

// Effects returns what took place at the double.
func (d *Double) Effects() []stripedouble.Effect {
	d.t.Helper()
	res, err := httpClient.Get(d.URL + "/_double/effects")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it is read to its end, or an error says so
	var answer struct{ Effects []stripedouble.Effect }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		d.t.Fatal(err)
	}
	return answer.Effects
}
