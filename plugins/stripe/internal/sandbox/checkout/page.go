package checkout

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// choice is a test card that a page offers.
type choice struct{ Value, Text string }

// choices are the test cards that the pages offer; others can be sent by their names
// (https://docs.stripe.com/testing).
var choices = []choice{
	{"pm_card_visa", "4242 4242 4242 4242: it pays"},
	{"pm_card_threeDSecure2Required", "4000 0000 0000 3220: its bank asks the holder"},
	{"pm_card_chargeDeclined", "4000 0000 0000 0002: it is declined"},
	{"pm_card_chargeDeclinedInsufficientFunds", "4000 0000 0000 9995: it has not enough money"},
	{"pm_card_createDispute", "4000 0000 0000 0259: it pays, and the payment is disputed"},
}

// declinedCard is what the button "fail" pays with.
const declinedCard = "pm_card_chargeDeclined"

// shownPage is what a page shows. Everything in it is escaped.
type shownPage struct {
	Title, ID, Status, Notice string
	Lines                     []string
	// Pay shows the form of a payment, with an email to give where Email is not known.
	Pay, AskEmail bool
	Email         string
	Choices       []choice
	// Buttons are further ones: value and text of an outcome.
	Buttons []choice
	// Back is where a link leads back.
	Back string
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title>
<style>body{font-family:sans-serif;max-width:34em;margin:4em auto;padding:0 1em}button,select,input{font-size:1em;padding:.5em;margin:.3em 1em .3em 0}.notice{color:#a00}</style></head>
<body><h1>{{.Title}}</h1>
<p><code>{{.ID}}</code> has the status <strong>{{.Status}}</strong>. Nothing here leaves this machine.</p>
{{if .Notice}}<p class="notice">{{.Notice}}</p>{{end}}
<ul>{{range .Lines}}<li>{{.}}</li>{{end}}</ul>
{{if or .Pay .Buttons}}<form method="post">
{{if .Pay}}{{if .AskEmail}}<p><label>Email <input type="email" name="email" value="{{.Email}}"></label></p>{{end}}
<p><label>Card <select name="payment_method">{{range .Choices}}<option value="{{.Value}}">{{.Text}}</option>{{end}}</select></label></p>
<button name="outcome" value="pay">Pay</button><button name="outcome" value="fail">Fail</button>{{end}}
{{range .Buttons}}<button name="outcome" value="{{.Value}}">{{.Text}}</button>{{end}}</form>{{end}}
{{if .Back}}<p><a href="{{.Back}}">Back to the shop</a></p>{{end}}
</body></html>
`))

// show makes a page.
func (p shownPage) show(status int) resource.PageResult {
	p.Choices = choices
	var html strings.Builder
	if err := pageTemplate.Execute(&html, p); err != nil {
		return resource.PageResult{Status: http.StatusInternalServerError}
	}
	return resource.PageResult{Status: status, HTML: html.String()}
}

// notFound is the page of what is not there.
func notFound() resource.PageResult {
	return resource.PageResult{Status: http.StatusNotFound, HTML: "<!doctype html><title>Not found</title><p>There is no such page."}
}

// sessionPage is the page of a session, on which its customer pays: "outcome" is "pay"
// or "fail", "payment_method" the name of a test card, and "email" the customer's.
func sessionPage(t *resource.Tx, path []string, form url.Values) resource.PageResult {
	if len(path) != 1 {
		return notFound()
	}
	o, ok := t.Find(Session, path[0])
	if !ok {
		return notFound()
	}
	switch {
	case form == nil && o.Text("status") != complete:
		return sessionShown(t, o, "").show(http.StatusOK)
	case form == nil:
		return done(t, o)
	case o.Text("status") != open:
		return sessionShown(t, o, "This session is not open any more.").show(http.StatusConflict)
	}
	method := form.Get("payment_method")
	switch outcome := form.Get("outcome"); {
	case outcome == "fail":
		method = declinedCard
	case outcome != "pay":
		return sessionShown(t, o, "The outcome is pay or fail.").show(http.StatusBadRequest)
	case method == "":
		method = choices[0].Value
	}
	email := form.Get("email")
	if email == "" {
		email = "customer@example.com"
	}
	next, refusal := pay(t, o, method, email)
	if refusal != nil {
		status := http.StatusBadRequest // which undoes what was tried
		if refusal.Stands {
			status = http.StatusOK
		} else if refusal.Status == http.StatusPaymentRequired {
			status = http.StatusPaymentRequired
		}
		return sessionShown(t, t.Fresh(o), refusal.Message).show(status)
	}
	if next != "" {
		return resource.PageResult{Status: http.StatusSeeOther, Location: next}
	}
	t.Settle(nil) // which completes a session that is paid
	return done(t, t.Fresh(o))
}

// done leads back to the shop, or thanks where there is no shop.
func done(t *resource.Tx, o resource.Object) resource.PageResult {
	if o.Text("status") == complete && o.Set("success_url") {
		return resource.PageResult{Status: http.StatusSeeOther, Location: addressed(o.Text("success_url"), o.ID())}
	}
	return sessionShown(t, o, "").show(http.StatusOK)
}

// sessionShown is what the page of a session shows.
func sessionShown(t *resource.Tx, o resource.Object, notice string) shownPage {
	p := shownPage{Title: "Sandbox checkout", ID: o.ID(), Status: o.Text("status"), Notice: notice, Pay: o.Text("status") == open, Back: o.Text("cancel_url")}
	for _, one := range kept(t, o.ID()).Objects("items") {
		p.Lines = append(p.Lines, one.Text("description")+": "+payment.Spell(one.Int("amount_total"), one.Text("currency")))
	}
	if o.Text("mode") == modeSetup {
		p.Lines = append(p.Lines, "The card is kept for later; nothing is paid.")
	} else {
		p.Lines = append(p.Lines, "Total: "+payment.Spell(o.Int("amount_total"), o.Text("currency")))
	}
	p.AskEmail = !o.Set("customer") && !o.Set("customer_email")
	return p
}
