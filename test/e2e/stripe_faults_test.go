package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

var update = flag.Bool("update", false, "write the tables of docs/stripe-faults.md and docs/database-faults.md anew")

// faultRow is a fault of Stripe, and what is asked of it meanwhile.
type faultRow struct {
	name  string
	fault stripedouble.Fault
	// timeout is the param of the call.
	timeout string
	// amount is 2000 if it is zero.
	amount int
}

// always is more often than anything is tried.
const always = 1000

// refusedBy answers as Stripe does with an error object.
func refusedBy(status int, object string, header ...string) stripedouble.Fault {
	fault := stripedouble.Fault{Kind: stripedouble.Answer, Status: status, Times: always, Body: `{"error":` + object + `}`, Header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		fault.Header[header[i]] = header[i+1]
	}
	return fault
}

// after is a fault whose answer comes after the work is done.
func after(f stripedouble.Fault) stripedouble.Fault {
	f.Kind = stripedouble.AnswerAfter
	return f
}

// once is a fault of the first try alone.
func once(f stripedouble.Fault) stripedouble.Fault {
	f.Times = 1
	return f
}

func faultRows() []faultRow {
	const (
		wrong = `{"type":"invalid_request_error","code":"parameter_invalid_empty","param":"description","message":"No."}`
		rate  = `{"type":"invalid_request_error","code":"rate_limit","message":"Too many requests."}`
		lock  = `{"type":"invalid_request_error","code":"lock_timeout","message":"Locked."}`
		inUse = `{"type":"idempotency_error","code":"idempotency_key_in_use","message":"In use."}`
		api   = `{"type":"api_error","message":"Sorry."}`
	)
	kind := func(kind stripedouble.Kind, times int) stripedouble.Fault {
		return stripedouble.Fault{Kind: kind, Times: times}
	}
	page := func(status int) stripedouble.Fault {
		return stripedouble.Fault{Kind: stripedouble.Answer, Status: status, Times: always, Header: map[string]string{"Content-Type": "text/html"}, Body: "<html>no</html>"}
	}
	return []faultRow{
		{name: "none"},
		{name: "the card is declined", amount: stripedouble.DeclinedAmount},
		{name: "400, a parameter is refused", fault: refusedBy(400, wrong)},
		{name: "400, `Stripe-Should-Retry: true`, once", fault: once(refusedBy(400, wrong, "Stripe-Should-Retry", "true"))},
		{name: "400, the key was used with other parameters", fault: refusedBy(400, `{"type":"idempotency_error","message":"Other."}`)},
		{name: "401", fault: refusedBy(401, `{"type":"invalid_request_error","message":"Invalid API Key."}`)},
		{name: "403", fault: refusedBy(403, `{"type":"invalid_request_error","message":"Not permitted."}`)},
		{name: "404, an object does not exist", fault: refusedBy(404, `{"type":"invalid_request_error","code":"resource_missing","param":"customer","message":"No such customer."}`)},
		{name: "404, a page that is not Stripe's", fault: page(404)},
		{name: "409, the key is in use, once", fault: once(refusedBy(409, inUse))},
		{name: "409, the key is in use", fault: refusedBy(409, inUse)},
		{name: "409, `Stripe-Should-Retry: false`", fault: refusedBy(409, inUse, "Stripe-Should-Retry", "false")},
		{name: "424", fault: refusedBy(424, api)},
		{name: "429, once", fault: once(refusedBy(429, rate))},
		{name: "429", fault: refusedBy(429, rate)},
		{name: "429, `Retry-After: 1`, once", fault: once(refusedBy(429, rate, "Retry-After", "1"))},
		{name: "429, `Retry-After: 60`, more than there is time", fault: refusedBy(429, rate, "Retry-After", "60")},
		{name: "429, `Stripe-Should-Retry: false`, once", fault: once(refusedBy(429, rate, "Stripe-Should-Retry", "false"))},
		{name: "429, `lock_timeout`, once", fault: once(refusedBy(429, lock))},
		{name: "429, `lock_timeout`", fault: refusedBy(429, lock)},
		{name: "500 that Stripe keeps under the key, once", fault: kind(stripedouble.Error500, 1)},
		{name: "500 before the work, once", fault: once(refusedBy(500, api))},
		{name: "500 before the work", fault: refusedBy(500, api)},
		{name: "500, `Stripe-Should-Retry: false`", fault: refusedBy(500, api, "Stripe-Should-Retry", "false")},
		{name: "503, `Retry-After: 60`", fault: refusedBy(503, api, "Retry-After", "60")},
		{name: "HTML 502 before the work, once", fault: kind(stripedouble.HTML502, 1)},
		{name: "HTML 502 before the work", fault: kind(stripedouble.HTML502, always)},
		{name: "HTML 502 after the work, once", fault: kind(stripedouble.HTML502After, 1)},
		{name: "HTML 502 after the work", fault: kind(stripedouble.HTML502After, always)},
		{name: "the connection breaks before the work, once", fault: kind(stripedouble.CutBefore, 1)},
		{name: "the connection breaks before the work", fault: kind(stripedouble.CutBefore, always)},
		{name: "the connection breaks after the work, once", fault: kind(stripedouble.CutAfter, 1)},
		{name: "the connection breaks after the work", fault: kind(stripedouble.CutAfter, always)},
		{name: "the connection breaks in the middle of the answer, once", fault: kind(stripedouble.HalfAnswer, 1)},
		{name: "the connection breaks in the middle of the answer", fault: kind(stripedouble.HalfAnswer, always)},
		{name: "slow before the work, once; longer than `timeout`", fault: kind(stripedouble.Slow, 1), timeout: "1s"},
		{name: "slow after the work, once; longer than `timeout`", fault: kind(stripedouble.SlowAnswer, 1), timeout: "1s"},
		{name: "200 that is not JSON, after the work", fault: after(stripedouble.Fault{Status: 200, Times: always, Body: "<html>ok</html>"})},
		{name: "200 with half of the JSON, after the work, once", fault: once(after(stripedouble.Fault{Status: 200, Body: `{"id":"pi_1","amount":{"a":1}`}))},
		{name: "200, JSON that says it is text", fault: after(stripedouble.Fault{Status: 200, Times: always, Header: map[string]string{"Content-Type": "text/plain"}, Body: `{"id":"pi_1"}`})},
		{name: "200 of more than 16 MiB, after the work", fault: after(stripedouble.Fault{Status: 200, Times: always, Body: `{"id":"` + strings.Repeat("x", 16<<20) + `"}`})},
		{name: "a redirect", fault: stripedouble.Fault{Kind: stripedouble.Answer, Status: 307, Times: always, Header: map[string]string{"Location": "/v1/customers"}}},
	}
}

const faultWorkflow = `"workflows": [{
    "id": "pay",
    "steps": [{
      "id": "pay", "type": "stripe", "action": "createPaymentIntent", "timeout": "20s",
      "retry": { "maxAttempts": 3, "initialInterval": "10ms", "maxInterval": "20ms" },
      "params": { "amount": "{{input.amount}}", "currency": "usd", "metadata": { "row": "{{input.row}}" }, "timeout": "{{input.timeout?}}" }
    }]
  }, {`

// outcome is what came of a call: cells of the table.
type faultOutcome struct {
	answers              []string
	tries, keys, effects int
}

func (o faultOutcome) cells() string {
	return fmt.Sprintf("%s | %d | %d | %d", strings.Join(o.answers, " | "), o.tries, o.keys, o.effects)
}

// faultBench is a gateway with a double whose faults differ from row to row.
type faultBench struct {
	h *harness
	g *program.Gateway
	// killed is the process of the plugin that was killed last.
	killed int
}

// back waits until the plugin that was killed has been started anew.
func (b *faultBench) back(t *testing.T) {
	b.killed = b.g.In(t).PluginPID("stripe", b.killed)
	testkit.Eventually(t, 30*time.Second, "the plugin is ready", func() bool {
		return b.g.In(t).Get("/integrations/stripe").Text("status.state") == "ready"
	})
}

// kill ends the plugin once a request of the row is at Stripe.
func (b *faultBench) kill(t *testing.T, row string) {
	testkit.Eventually(t, 10*time.Second, "a request of "+row+" is at Stripe", func() bool { return b.outcome(row).tries > 0 })
	if err := syscall.Kill(b.killed, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func newFaultBench(t *testing.T, workflow string) *faultBench {
	h := newHarness(t, "stripe.json")
	h.edits = append(h.edits, program.Edit{Old: `"workflows": [{`, New: workflow})
	return &faultBench{h: h, g: h.serve(t)}
}

// newLonelyBench is a bench whose Stripe cannot be reached.
func newLonelyBench(t *testing.T) *faultBench {
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	last := &h.edits[len(h.edits)-1]
	last.New = strings.Replace(last.New, h.stripe.url, "http://"+program.StableAddress(t), 1)
	h.edits = append(h.edits, letIn("*"), program.Edit{Old: `"workflows": [{`, New: faultWorkflow})
	h.WriteExample(h.store, h.edits...)
	return &faultBench{h: h, g: h.Serve(apiToken)}
}

// outcome counts what came to Stripe of a row.
func (b *faultBench) outcome(row string, answers ...string) faultOutcome {
	o := faultOutcome{answers: answers}
	keys := map[string]bool{}
	for _, request := range b.h.stripe.asked() {
		if request.form.Get("metadata[row]") == row {
			o.tries++
			keys[request.key] = true
		}
	}
	o.keys = len(keys)
	for _, effect := range b.h.stripe.Effects() {
		if keys[effect.Key] {
			o.effects++
		}
	}
	return o
}

// begin starts the fault for the requests of a row. What it returns ends it, and waits
// until nothing of the row is at Stripe any more.
func (b *faultBench) begin(t *testing.T, fault stripedouble.Fault, row string) (end func()) {
	if fault.Kind == "" {
		return func() {}
	}
	released := make(chan struct{})
	fault.Where, fault.Until = "metadata[row]="+row, released
	if err := b.h.stripe.Script(fault); err != nil {
		t.Error(err)
	}
	return func() {
		close(released)
		b.h.stripe.ClearWhere(fault.Where)
		for _, request := range b.h.stripe.asked() {
			if request.form.Get("metadata[row]") == row {
				testkit.Eventually(t, 10*time.Second, "Stripe is done with "+row, func() bool { return !b.h.stripe.UnderWay(request.key) })
			}
		}
	}
}

func (r faultRow) params(row string) string {
	amount := r.amount
	if amount == 0 {
		amount = 2000
	}
	params := fmt.Sprintf(`"amount":%d,"metadata":{"row":%q}`, amount, row)
	if r.timeout != "" {
		params += fmt.Sprintf(`,"timeout":%q`, r.timeout)
	}
	return `{"currency":"usd",` + params + "}"
}

// answerCell is a response as the table shows it.
func answerCell(a program.Response) string {
	if a.Status == http.StatusOK {
		if a.Header.Get("Idempotent-Replayed") == "true" {
			return "200, kept"
		}
		return "200"
	}
	cell := fmt.Sprintf("%d `%s`", a.Status, a.Text("code"))
	if a.Header.Get("Idempotent-Replayed") == "true" {
		cell += ", kept"
	}
	return cell
}

func (b *faultBench) direct(t *testing.T, r faultRow, row string) faultOutcome {
	return b.call(t, r, row)
}

// call sends the request, with headers.
func (b *faultBench) call(t *testing.T, r faultRow, row string, header ...string) faultOutcome {
	end := b.begin(t, r.fault, row)
	answer := b.g.In(t).Post(intents, r.params(row), header...)
	end()
	return b.outcome(row, answerCell(answer))
}

// keyed sends the request with an Idempotency-Key, and again once the fault is over.
func (b *faultBench) keyed(t *testing.T, r faultRow, row string) faultOutcome {
	first := b.call(t, r, row, "Idempotency-Key", row)
	second := b.g.In(t).Post(intents, r.params(row), "Idempotency-Key", row)
	return b.outcome(row, first.answers[0], answerCell(second))
}

func (b *faultBench) step(t *testing.T, r faultRow, row string) faultOutcome {
	end := b.begin(t, r.fault, row)
	amount := r.amount
	if amount == 0 {
		amount = 2000
	}
	input := fmt.Sprintf(`"amount":%d,"row":%q`, amount, row)
	if r.timeout != "" {
		input += fmt.Sprintf(`,"timeout":%q`, r.timeout)
	}
	run := program.Want(t, 200, b.g.In(t).Post("/workflows/pay/runs?wait=60s", "{"+input+"}"))
	end()
	cell := run.Text("status")
	if cell == "failed" {
		cell += " `" + run.Text("error.code") + "`"
	}
	return b.outcome(row, cell)
}

// faultLine is a row of each table.
type faultLine struct {
	name                string
	direct, keyed, step faultOutcome
}

// drive drives the rows at once.
func (b *faultBench) drive(t *testing.T, rows []faultRow) []faultLine {
	lines := make([]faultLine, len(rows))
	var work sync.WaitGroup
	for i, r := range rows {
		lines[i].name = r.name
		work.Go(func() { lines[i].direct = b.direct(t, r, fmt.Sprintf("%d-direct", i)) })
		work.Go(func() { lines[i].keyed = b.keyed(t, r, fmt.Sprintf("%d-keyed", i)) })
		work.Go(func() { lines[i].step = b.step(t, r, fmt.Sprintf("%d-step", i)) })
	}
	work.Wait()
	return lines
}

// driveKilled drives a row in which the plugin is killed after the work, one call after
// the other. Whether the plugin is back for the tries of a call is a matter of time.
func (b *faultBench) driveKilled(t *testing.T) faultLine {
	r := faultRow{name: "the plugin is killed after the work", fault: stripedouble.Fault{Kind: stripedouble.SlowAnswer, Times: 1}}
	during := func(row string, call func(t *testing.T, r faultRow, row string) faultOutcome) faultOutcome {
		b.back(t)
		var work sync.WaitGroup
		work.Go(func() { b.kill(t, row) })
		o := call(t, r, row)
		work.Wait()
		return o
	}
	direct := during("direct", b.direct)
	keyed := during("keyed", func(t *testing.T, r faultRow, row string) faultOutcome {
		first := b.call(t, r, row, "Idempotency-Key", row)
		testkit.Eventually(t, 30*time.Second, "the repeat has its answer", func() bool {
			return b.g.In(t).Post(intents, r.params(row), "Idempotency-Key", row).Status == http.StatusOK
		})
		return b.outcome(row, first.answers[0], "200")
	})
	const unavailable = "503 `unavailable`"
	for _, o := range []*faultOutcome{&direct, &keyed} {
		if o.answers[0] != "200" && o.answers[0] != unavailable {
			t.Errorf("the plugin was killed: %+v", *o)
		}
		o.answers[0] = "200, or " + unavailable + " until it is back"
	}
	direct.tries = keyed.tries // of which the second may be the next call's
	return faultLine{r.name, direct, keyed, during("step", b.step)}
}

// faultTables drives every row and returns the tables.
func faultTables(t *testing.T) string {
	patient := strings.Replace(faultWorkflow, `"maxAttempts": 3, "initialInterval": "10ms", "maxInterval": "20ms"`, `"maxAttempts": 10, "initialInterval": "500ms"`, 1)
	shared, killed, lonely := newFaultBench(t, faultWorkflow), newFaultBench(t, patient), newLonelyBench(t)
	var lines, unreached []faultLine
	var dead faultLine
	var work sync.WaitGroup
	work.Go(func() { lines = shared.drive(t, faultRows()) })
	work.Go(func() { dead = killed.driveKilled(t) })
	work.Go(func() { unreached = lonely.drive(t, []faultRow{{name: "Stripe cannot be reached"}}) })
	work.Wait()
	lines = append(append(lines, dead), unreached...)
	var direct, keyed, step strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&direct, "| %s | %s |\n", line.name, line.direct.cells())
		fmt.Fprintf(&keyed, "| %s | %s |\n", line.name, line.keyed.cells())
		fmt.Fprintf(&step, "| %s | %s |\n", line.name, line.step.cells())
		// What the tables are to show, whatever they say in detail.
		for what, o := range map[string]faultOutcome{"call": line.direct, "keyed": line.keyed, "step": line.step} {
			if o.effects > 1 || o.keys > 1 && what != "keyed" || o.keys > 2 || o.tries > 4 {
				t.Errorf("%s, %s: %+v", line.name, what, o)
			}
		}
	}
	return "### A call over HTTP\n\n| fault | answer | tries | keys | effects |\n| --- | --- | --- | --- | --- |\n" + direct.String() +
		"\n### A call with an `Idempotency-Key`, and the same again after the fault\n\n| fault | answer | answer to the repeat | tries | keys | effects |\n| --- | --- | --- | --- | --- | --- |\n" + keyed.String() +
		"\n### A step of a workflow\n\n| fault | run | tries | keys | effects |\n| --- | --- | --- | --- | --- |\n" + step.String()
}

// TestTheFaultTable holds docs/stripe-faults.md against what the programs do.
func TestTheFaultTable(t *testing.T) {
	t.Parallel()
	compareTables(t, "stripe-faults.md", faultTables(t))
}

// compareTables holds the part of a page that tests make against what they made, or writes
// it anew with -update.
func compareTables(t *testing.T, page, tables string) {
	t.Helper()
	file := filepath.Join(testkit.Root(), "docs", page)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- made from a test by make docs -->\n", "<!-- end of what make docs makes -->"
	before, rest, found := strings.Cut(string(raw), begin)
	old, rest, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the tables", file)
	}
	made := "\n" + tables + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+made+end+rest), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(old, "\n"), strings.Split(made, "\n")); diff != "" {
		t.Errorf("docs/%s says otherwise (-) than what happens (+); make docs writes it anew:\n%s", page, diff)
	}
}
