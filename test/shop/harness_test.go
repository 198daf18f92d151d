package shop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// eventually is how long something may take that happens by itself.
const eventually = 30 * time.Second

// directory is where the shop is, below the repository.
const directory = "configs/shop"

// oneLine is the line that puts the shop on another database, once it is no comment.
const oneLine = `// "url": "{{env.DATABASE_URL}}",`

// shop is a gateway of `dev` with the shop's config, in a folder that was empty.
type shop struct {
	*program.Site
	*program.Gateway
	t *testing.T
	// email is the customer of one promise, whose orders no other looks at.
	email string
}

// in returns the shop for the check of one promise.
func (s *shop) in(t *testing.T, customer int) *shop {
	here := *s
	here.t, here.Gateway, here.email = t, s.Gateway.In(t), fmt.Sprintf("ann%d@example.com", customer)
	return &here
}

// open starts a shop, on the database of a url, or on SQLite without one.
func open(t *testing.T, database string, edits ...program.Edit) *shop {
	t.Helper()
	s := &shop{Site: site(t), t: t}
	if database != "" {
		s.Env["DATABASE_URL"] = database
		edits = append(edits, program.Edit{Old: oneLine, New: strings.TrimPrefix(oneLine, "// ")})
	}
	s.configure(edits...)
	s.Gateway = s.Dev()
	return s
}

// site is a directory with a copy of the shop.
func site(t *testing.T) *program.Site {
	t.Helper()
	s := program.NewSite(t, binaries)
	if err := os.CopyFS(filepath.Join(s.Dir, "configs", "shop"), os.DirFS(filepath.Join(testkit.Root(), directory))); err != nil {
		t.Fatal(err)
	}
	return s
}

// configure writes the shop's config, with the site's plugins, and with edits, of which
// each must apply once.
func (s *shop) configure(edits ...program.Edit) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(), directory, "backflow.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	edited := string(text)
	for _, edit := range append(edits, program.Edit{Old: `"workflows": [`, New: `"pluginDirs": ["` + s.Plugins + `"], "workflows": [`}) {
		if n := strings.Count(edited, edit.Old); n != 1 {
			s.t.Fatalf("the config holds %q %d times, not once", edit.Old, n)
		}
		edited = strings.Replace(edited, edit.Old, edit.New, 1)
	}
	s.WriteConfig("shop/backflow.json", edited)
}

// cart is what a checkout takes, for a card that is good for it.
func (s *shop) cart(more ...any) map[string]any {
	input := map[string]any{"email": s.email, "name": "Ann Lee", "amount": 2000, "currency": "usd", "paymentMethod": "pm_card_visa"}
	for i := 0; i+1 < len(more); i += 2 {
		input[fmt.Sprint(more[i])] = more[i+1]
	}
	return input
}

// start starts a workflow, and waits for its end where wait is set.
func (s *shop) start(workflow string, input map[string]any, wait bool, header ...string) program.Response {
	s.t.Helper()
	body, err := json.Marshal(input)
	if err != nil {
		s.t.Fatal(err)
	}
	path := "/workflows/" + workflow + "/runs"
	if !wait {
		return program.Want(s.t, http.StatusAccepted, s.Post(path, string(body), header...))
	}
	return program.Want(s.t, http.StatusOK, s.Post(path+"?wait=1m", string(body), header...))
}

// run runs a workflow to its end, which is a success.
func (s *shop) run(workflow string, input map[string]any, header ...string) program.Response {
	s.t.Helper()
	ended := s.start(workflow, input, true, header...)
	if ended.Text("status") != "succeeded" {
		s.t.Fatalf("%s: %s", workflow, ended.Body)
	}
	return ended
}

// fails runs a workflow to its end, which is a failure with a code and with words in its
// text.
func (s *shop) fails(workflow string, input map[string]any, code, says string) program.Response {
	s.t.Helper()
	ended := s.start(workflow, input, true)
	if ended.Text("status") != "failed" || ended.Text("error.code") != code || !strings.Contains(ended.Text("error.detail"), says) {
		s.t.Fatalf("%s is to fail with %s and %q: %s", workflow, code, says, ended.Body)
	}
	return ended
}

// checkout takes an order that is paid, and returns its id and that of its payment.
func (s *shop) checkout(more ...any) (order, payment string) {
	s.t.Helper()
	ended := s.run("checkout", s.cart(more...))
	return ended.Text("output.order"), ended.Text("output.payment")
}

// row reads a row by its key.
func (s *shop) row(table, key string) program.Response {
	s.t.Helper()
	return program.Want(s.t, http.StatusOK, s.Get("/integrations/database/tables/"+table+"/"+url.PathEscape(key)))
}

// insert inserts a row.
func (s *shop) insert(table string, row map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(row)
	if err != nil {
		s.t.Fatal(err)
	}
	program.Want(s.t, http.StatusOK, s.Post("/integrations/database/tables/"+table, string(body)))
}

// rows reads the rows of a table of which a column has a value.
func (s *shop) rows(table, column, value string) []any {
	s.t.Helper()
	query := url.Values{column: {"eq." + value}}.Encode()
	data, _ := program.Want(s.t, http.StatusOK, s.Get("/integrations/database/tables/"+table+"?"+query)).Field("data").([]any)
	return data
}

// becomes waits until an order has a status.
func (s *shop) becomes(order, status string) program.Response {
	s.t.Helper()
	var row program.Response
	testkit.Eventually(s.t, eventually, "order "+order+" is "+status, func() bool {
		row = s.Get("/integrations/database/tables/orders/" + order) // 404 before it is there
		return row.Text("status") == status
	})
	return row
}

// is fails the test unless the fields of a row are as they are to be, as text.
func (s *shop) is(row program.Response, wanted ...string) {
	s.t.Helper()
	for i := 0; i+1 < len(wanted); i += 2 {
		if got := fmt.Sprint(row.Field(wanted[i])); got != wanted[i+1] {
			s.t.Errorf("%s is %s, not %s: %s", wanted[i], got, wanted[i+1], row.Body)
		}
	}
}

// stripe calls an endpoint of Stripe's actions, as a person on Stripe's own pages would.
func (s *shop) stripe(path string, params map[string]any) program.Response {
	s.t.Helper()
	body, err := json.Marshal(params)
	if err != nil {
		s.t.Fatal(err)
	}
	return program.Want(s.t, http.StatusOK, s.Post("/integrations/stripe"+path, string(body)))
}

// sandbox has Stripe's sandbox do a command.
func (s *shop) sandbox(command, params string) program.Response {
	s.t.Helper()
	return program.Want(s.t, http.StatusOK, s.Post("/integrations/stripe/sandbox/"+command, params))
}

// atStripe reads an object of Stripe's.
func (s *shop) atStripe(path string) program.Response {
	s.t.Helper()
	return program.Want(s.t, http.StatusOK, s.Get("/integrations/stripe"+path))
}

// settled waits until every event that Stripe has sent was taken in and dealt with, and
// fails the test if a run of one has failed.
func (s *shop) settled() {
	s.t.Helper()
	testkit.Eventually(s.t, eventually, "the events are delivered", func() bool {
		status := s.sandbox("status", "{}")
		return fmt.Sprint(status.Field("pendingDeliveries")) == "0"
	})
	testkit.Eventually(s.t, eventually, "their runs have ended", func() bool {
		list, _ := program.Want(s.t, http.StatusOK, s.Get("/runs?status=queued,running&workflow=webhook:stripe-events")).Field("data").([]any)
		waiting, _ := program.Want(s.t, http.StatusOK, s.Get("/runs?status=waiting&workflow=webhook:stripe-events")).Field("data").([]any)
		return len(list)+len(waiting) == 0
	})
	if failed := program.Want(s.t, http.StatusOK, s.Get("/runs?status=failed&workflow=webhook:stripe-events")); failed.Field("data.0") != nil {
		s.t.Errorf("runs of events have failed: %s", failed.Body)
	}
}

// visit sends the form of a page of the sandbox, as a customer does at the bank. The
// sandbox may have moved since the page was named.
func (s *shop) visit(page, outcome string) {
	s.t.Helper()
	at, err := url.Parse(page)
	if err != nil {
		s.t.Fatal(err)
	}
	page = s.sandbox("status", "{}").Text("url") + at.EscapedPath()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, page, strings.NewReader(url.Values{"outcome": {outcome}}.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close() // nothing of it is read
	if response.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("the page of the bank responds with %s", response.Status)
	}
}
