package payment

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// authenticationPath is the first part of the path of the page on which the holder of a
// card authenticates a payment, or fails to.
const authenticationPath = "3d_secure"

// nextAction sends the customer to the page of an intent.
func nextAction(t *resource.Tx, o Object, returnURL string) Object {
	account := t.Account()
	if account == "" {
		account = "-"
	}
	// The path is secret as the client secret is: nobody else can answer for the
	// holder.
	page := resource.Origin + "/" + authenticationPath + "/" + url.PathEscape(account) + "/" + o.ID() + "/" + url.PathEscape(o.Text("client_secret"))
	back := any(nil)
	if returnURL != "" {
		back = returnURL
	}
	return Object{"type": "redirect_to_url", "redirect_to_url": Object{"return_url": back, "url": page}}
}

// authenticationPage shows the page, or takes its answer: "outcome" is "authorize" or
// "fail".
func authenticationPage(t *resource.Tx, path []string, form url.Values) resource.PageResult {
	notFound := resource.PageResult{Status: http.StatusNotFound, HTML: "<!doctype html><title>Not found</title><p>There is no such payment."}
	if len(path) != 2 {
		return notFound
	}
	kind := PaymentIntent
	if strings.HasPrefix(path[0], "seti_") {
		kind = SetupIntent
	}
	o, ok := t.Find(kind, path[0])
	if !ok || o.Text("client_secret") != path[1] {
		return notFound
	}
	OnClockOf(t, o)
	back := o.Object("next_action").Object("redirect_to_url").Text("return_url")
	if form == nil {
		return show(o)
	}
	if o.Text("status") != requiresAction {
		shown := show(o)
		shown.Status = http.StatusConflict
		return shown
	}
	switch form.Get("outcome") {
	case "authorize":
		authenticated(t, o)
	case "fail":
		notAuthenticated(t, o)
	default:
		return resource.PageResult{Status: http.StatusBadRequest, HTML: "<!doctype html><title>No outcome</title><p>The outcome is authorize or fail."}
	}
	o = t.Fresh(o)
	if back == "" {
		return show(o)
	}
	return resource.PageResult{Status: http.StatusSeeOther, Location: returnTo(o, back)}
}

// returnTo is where the customer goes after the page, with what became of the intent
// (https://docs.stripe.com/payments/3d-secure/authentication-flow).
func returnTo(o Object, back string) string {
	to, err := url.Parse(back)
	if err != nil {
		return back
	}
	query := to.Query()
	query.Set(o.Kind(), o.ID())
	query.Set(o.Kind()+"_client_secret", o.Text("client_secret"))
	query.Set("redirect_status", succeeded)
	if o.Text("status") == requiresMethod {
		query.Set("redirect_status", "failed")
	}
	to.RawQuery = query.Encode()
	return to.String()
}

// authenticated goes on where the holder authenticated.
func authenticated(t *resource.Tx, o Object) {
	method, refusal := methodOf(t, o.Text("payment_method"), "payment_method")
	if refusal != nil {
		return
	}
	c, _ := cardOf(method)
	if o.Kind() == SetupIntent {
		_, _ = finishSetup(t, o, method, c) // the intent holds what came of it
		return
	}
	_, _ = attempt(t, o, method, c) // likewise
}

// notAuthenticated records that the holder did not authenticate.
func notAuthenticated(t *resource.Tx, o Object) {
	failure := Object{
		"type": resource.InvalidRequest, "code": o.Kind() + "_authentication_failure",
		"doc_url":        "https://stripe.com/docs/error-codes/" + dashed(o.Kind()) + "-authentication-failure",
		"message":        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this " + named(o) + " again.",
		"payment_method": shownMethod(t, o),
	}
	o["status"], o["next_action"] = requiresMethod, nil
	if o.Kind() == SetupIntent {
		o["last_setup_error"] = failure
		recordAttempt(t, o, "failed", failure)
		o["payment_method"] = nil
		t.Put(o)
		t.Emit("setup_intent.setup_failed", o)
		return
	}
	o["last_payment_error"], o["payment_method"] = failure, nil
	t.Put(o)
	t.Emit("payment_intent.payment_failed", o)
}

// pageTemplate is the page. What it shows is escaped.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox authentication</title>
<style>body{font-family:sans-serif;max-width:30em;margin:4em auto;padding:0 1em}button{font-size:1em;padding:.5em 1em;margin-right:1em}</style></head>
<body><h1>Sandbox authentication</h1>
<p>{{.What}} <code>{{.ID}}</code> has the status <strong>{{.Status}}</strong>.</p>
{{if .Open}}<p>The bank of the card asks its holder. Nothing here leaves this machine.</p>
<form method="post"><button name="outcome" value="authorize">Authorize</button><button name="outcome" value="fail">Fail</button></form>{{end}}
</body></html>
`))

// show makes the page of an intent.
func show(o Object) resource.PageResult {
	var html strings.Builder
	err := pageTemplate.Execute(&html, map[string]any{
		"What": named(o), "ID": o.ID(), "Status": o.Text("status"), "Open": o.Text("status") == requiresAction,
	})
	if err != nil {
		return resource.PageResult{Status: http.StatusInternalServerError}
	}
	return resource.PageResult{HTML: html.String()}
}
