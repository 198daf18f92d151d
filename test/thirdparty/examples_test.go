package thirdparty

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// made builds an example of configs/examples/plugins by its Makefile and returns
// the plugin that is left.
func made(t *testing.T, name, artifact string) string {
	t.Helper()
	testkit.Need(t, "make")
	dir := filepath.Join(testkit.Root(), "configs", "examples", "plugins", name)
	out := t.TempDir()
	run(t, dir, []string{"CGO_ENABLED=0"}, "make", "build", "BIN="+out)
	return filepath.Join(out, artifact)
}

// example makes the site's config from an example's, with edits, of which each must
// apply once.
func example(t *testing.T, s *program.Site, name string, edits ...program.Edit) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(), "configs", "examples", "plugins", name, "backflow.json"))
	if err != nil {
		t.Fatal(err)
	}
	config := string(text)
	for _, edit := range edits {
		if n := strings.Count(config, edit.Old); n != 1 {
			t.Fatalf("the config of %s holds %q %d times, not once", name, edit.Old, n)
		}
		config = strings.Replace(config, edit.Old, edit.New, 1)
	}
	s.WriteConfig("backflow.json", config)
}

// rates is the service of exchange rates.
func rates(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/latest", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("base") != "EUR" || r.FormValue("symbols") == "XXX" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"date":"2026-01-02","rates":{%q:161.2350}}`, r.FormValue("symbols")) // what is not there is missed in the test
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestTheWASMExampleIsCalledByHTTPAndFromAWorkflow(t *testing.T) {
	t.Parallel()
	service := rates(t)
	s := program.NewSite(t, binaries)
	drop(t, s, made(t, "money", "money.wasm"), "money.wasm")
	example(t, s, "money",
		program.Edit{Old: `"pluginDirs": ["bin"]`, New: `"pluginDirs": ["../plugins"]`},
		program.Edit{Old: `"allowedHosts": ["api.frankfurter.dev"]`, New: fmt.Sprintf(`"allowedHosts": [%q]`, service.URL)},
		program.Edit{Old: `"ratesUrl": "https://api.frankfurter.dev"`, New: fmt.Sprintf(`"ratesUrl": %q`, service.URL)})
	g := s.Dev()

	answer := program.Want(t, http.StatusOK, g.Post("/integrations/money/format", `{"amount":9007199254740993,"currency":"EUR","separator":","}`))
	if answer.Text("text") != "90,071,992,547,409.93 EUR" {
		t.Errorf("formatted: %s", answer.Body)
	}
	rate := program.Want(t, http.StatusOK, g.Get("/integrations/money/rates/eur/jpy"))
	if want := `{"rate":161.2350,"date":"2026-01-02"}`; string(rate.Body) != want {
		t.Errorf("the rate is %s, want %s", rate.Body, want)
	}
	program.Want(t, http.StatusNotFound, g.Get("/integrations/money/rates/EUR/XXX"))
	refused := program.Want(t, http.StatusUnprocessableEntity, g.Post("/integrations/money/convert", `{"amount":1.5,"from":"EUR","to":"JPY","rate":0}`))
	for _, pointer := range []string{"/amount", "/rate"} {
		if !strings.Contains(string(refused.Body), pointer) {
			t.Errorf("%s is not told: %s", pointer, refused.Body)
		}
	}
	quote := program.Want(t, http.StatusOK, g.Post("/workflows/quote/runs?wait=30s", `{"amount":1999,"currency":"JPY"}`))
	if quote.Text("output.text") != "3,223 JPY" || quote.Text("output.rateOf") != "2026-01-02" {
		t.Errorf("the quote is %s", quote.Body)
	}
}

func TestTheExamplesAreCalledFromAWebhook(t *testing.T) {
	t.Parallel()
	s := program.NewSite(t, binaries)
	drop(t, s, made(t, "money", "money.wasm"), "money.wasm")
	drop(t, s, made(t, "ledger", "backflow-plugin-ledger"), "backflow-plugin-ledger")
	s.Env["STRIPE_SECRET_KEY"], s.Env["STRIPE_WEBHOOK_SECRET"] = "sk_test_thirdparty", "whsec_thirdparty"
	example(t, s, "ledger", program.Edit{Old: `"bin", "../money/bin", "../../../../bin/plugins"`, New: `"../plugins"`})
	g := s.Dev()
	file := filepath.Join(filepath.Dir(s.Config()), "data", "payments.csv")

	event := `{"id":"evt_1","object":"event","api_version":"2023-10-16","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","amount":123450,"currency":"jpy"}}}`
	for range 2 {
		program.Want(t, http.StatusOK, g.Do(program.StripeDelivery(event, "whsec_thirdparty", time.Now())))
	}
	testkit.Eventually(t, 30*time.Second, "the payment is in the file", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\npi_1,123450,123450 JPY,")
	})

	// By HTTP, once for each key.
	row := `{"row":{"id":"=1+1","amount":"1.00"}}`
	first := program.Want(t, http.StatusOK, g.Post("/integrations/ledger/files/payments/rows", row, "Idempotency-Key", "k1"))
	if first.Text("file") != "payments" || fmt.Sprint(first.Field("row")) != "2" {
		t.Errorf("appended: %s", first.Body)
	}
	again := program.Want(t, http.StatusOK, g.Post("/integrations/ledger/files/payments/rows", row, "Idempotency-Key", "k1"))
	if string(again.Body) != string(first.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated: %s", again.Body)
	}
	program.Want(t, http.StatusNotFound, g.Post("/integrations/ledger/files/other/rows", row))
	program.Want(t, http.StatusUnprocessableEntity, g.Post("/integrations/ledger/files/payments/rows", `{"row":{"colour":"red"}}`))
	read := program.Want(t, http.StatusOK, g.Get("/integrations/ledger/files/payments/rows?limit=1"))
	if read.Text("rows.0.id") != "pi_1" || fmt.Sprint(read.Field("next")) != "1" {
		t.Errorf("read: %s", read.Body)
	}
}

func TestTheExamplesPassTheConformanceSuite(t *testing.T) {
	t.Parallel()
	service := rates(t)
	for plugin, args := range map[string][]string{
		made(t, "money", "money.wasm"):              {"--config", fmt.Sprintf(`{"ratesUrl":%q}`, service.URL), "--allowed-hosts", service.URL},
		made(t, "ledger", "backflow-plugin-ledger"): {"--config", fmt.Sprintf(`{"directory":%q,"files":{"payments":["id","amount"]}}`, t.TempDir())},
	} {
		// Long limits are for a machine on which much else is tested.
		cmd := exec.Command(binaries.Backflow, append([]string{"plugin", "test", plugin, "--timeout", "30s"}, args...)...)
		cmd.Env = append(environment(), "XDG_CACHE_HOME="+testkit.MachineCode("programs"))
		child := program.Start(t, cmd)
		testkit.Eventually(t, 5*time.Minute, "the suite has ended", func() bool { return !child.Running() })
		if code := child.Wait(); code != 0 {
			t.Errorf("%s: exit code %d", filepath.Base(plugin), code)
		}
	}
}
