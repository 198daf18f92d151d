package sandbox

import (
	"net/http"
	"strings"
	"testing"
)

func TestListsPageFromTheNewest(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	var ids []string
	for range 12 {
		ids = append(ids, b.post("/v1/customers", "email=a@b.c").text("id"))
	}
	first := b.get("/v1/customers", "email=a@b.c")
	b.shows(first, map[string]string{"data.#": "10", "has_more": "true", "data.0.id": ids[11], "object": "list", "url": "/v1/customers"})
	b.shows(b.get("/v1/customers", "email=a@b.c&starting_after="+ids[2]), map[string]string{"data.#": "2", "has_more": "false", "data.0.id": ids[1]})
	b.shows(b.get("/v1/customers", "email=a@b.c&limit=3&ending_before="+ids[2]), map[string]string{"data.#": "3", "has_more": "true", "data.0.id": ids[5], "data.2.id": ids[3]})
	b.shows(b.get("/v1/customers", "email=a@b.c&limit=2&ending_before="+ids[9]), map[string]string{"data.#": "2", "has_more": "false", "data.0.id": ids[11]})
	b.shows(b.get("/v1/customers", "created[gt]=4000000000"), map[string]string{"data.#": "0", "has_more": "false"})
	b.shows(b.get("/v1/customers", "created[gte]=1&created[lt]=4000000000&limit=100"), map[string]string{"data.#": "13"})
	for form, code := range map[string]string{
		"limit=0": "parameter_invalid_integer", "limit=101": "parameter_invalid_integer", "limit=x": "parameter_invalid_integer", "starting_after=cus_no": "resource_missing",
		"starting_after=" + ids[0] + "&ending_before=" + ids[1]: "parameter_invalid", "colour=red": "parameter_unknown",
	} {
		b.refused(400, code, http.MethodGet, "/v1/customers", form)
	}
	b.del("/v1/customers/" + ids[11])
	b.shows(b.get("/v1/customers", "email=a@b.c&limit=1"), map[string]string{"data.0.id": ids[10]})
}

func TestExpand(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	intent := b.post("/v1/payment_intents", order+"&customer=cus_123&confirm=true&payment_method=pm_123")
	id := intent.text("id")
	b.shows(b.get("/v1/payment_intents/"+id, "expand[]=latest_charge.payment_intent.latest_charge.customer"), map[string]string{"latest_charge.payment_intent.latest_charge.customer.id": "cus_123"})
	b.shows(b.get("/v1/charges", "expand[]=data.customer&expand[]=data.payment_intent.payment_method"), map[string]string{"data.0.customer.id": "cus_123", "data.0.payment_intent.payment_method.id": "pm_123"})
	for path, expand := range map[string]string{"/v1/payment_intents/" + id: "amount", "/v1/customers/cus_123": "nothing", "/v1/charges": "data.amount"} {
		r := b.refused(400, "invalid_request_error", http.MethodGet, path, "expand[]="+expand)
		if want := "This property cannot be expanded (" + expand + ")."; r.text("error.message") != want {
			t.Error(r.text("error.message"))
		}
	}
	b.refused(400, "invalid_request_error", http.MethodGet, "/v1/payment_intents/"+id, "expand[]=latest_charge.payment_intent.latest_charge.payment_intent.customer")
	// A refusal to expand undoes what was done.
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/customers", "email=gone@b.c&expand[]=nothing")
	b.shows(b.get("/v1/customers", "email=gone@b.c"), map[string]string{"data.#": "0"})
}

func TestAccountsAreSeparateWorlds(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	other := &box{Sandbox: b.Sandbox, t: t, account: "acct_1"}
	id := other.post("/v1/customers", "email=a@b.c").text("id")
	b.refused(404, "resource_missing", http.MethodGet, "/v1/customers/"+id, "")
	other.refused(404, "resource_missing", http.MethodGet, "/v1/customers/cus_123", "")
	other.shows(other.get("/v1/events", ""), map[string]string{"data.#": "1", "data.0.account": "acct_1"})
	b.shows(b.get("/v1/events", ""), map[string]string{"data.#": "0"})
}

func TestWhoMayAskAndHow(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	r := b.send(http.MethodGet, "/v1/customers", "", "Authorization", "Bearer sk_test_51secretsecretsecret")
	if r.Status != 401 || strings.Contains(string(r.Raw), "secretsecret") || !strings.HasPrefix(r.text("error.message"), "Invalid API Key provided: sk_test_*") {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	if r := b.send(http.MethodGet, "/v1/customers", "", "Authorization", ""); r.Status != 401 {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	if r := b.send(http.MethodGet, "/v1/customers", "", "Stripe-Version", "2020-01-01"); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	for path, method := range map[string]string{"/v1/nothing": http.MethodGet, "/": http.MethodGet, "/v1/customers": http.MethodPut, "/v1//customers": http.MethodGet, "/v1/customers/": http.MethodGet} {
		if r := b.send(method, path, ""); r.Status != 404 || !strings.HasPrefix(r.text("error.message"), "Unrecognized request URL") {
			t.Errorf("%s %s: %d %s", method, path, r.Status, r.Raw)
		}
	}
	if r := b.send(http.MethodPost, "/v1/customers", "email=a@b.c", "Content-Type", "application/json"); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	b.refused(404, "resource_missing", http.MethodGet, "/v1/customers/cus_no%2F..%2Fcus_123", "")
}

func TestMetadataHasLimits(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, form := range []string{"metadata[" + strings.Repeat("k", 41) + "]=v", "metadata[k]=" + strings.Repeat("v", 501)} {
		if r := b.send(http.MethodPost, "/v1/customers", form); r.Status != 400 {
			t.Errorf("%d %s", r.Status, r.Raw)
		}
	}
	var many []string
	for i := range 51 {
		many = append(many, "metadata[k"+itoa(i)+"]=v")
	}
	if r := b.send(http.MethodPost, "/v1/customers", strings.Join(many, "&")); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	b.post("/v1/customers", strings.Join(many[:50], "&"))
}

func TestTextsHaveTheLengthThatStripeAllows(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for form, param := range map[string]string{
		"description=" + strings.Repeat("é", 5001):   "description",
		"phone=" + strings.Repeat("1", 21):           "phone",
		"address[city]=" + strings.Repeat("x", 5001): "address[city]",
		"invoice_settings[custom_fields][][name]=" + strings.Repeat("x", 41) + "&invoice_settings[custom_fields][][value]=x": "invoice_settings[custom_fields][0][name]",
	} {
		b.shows(b.refused(400, "invalid_request_error", http.MethodPost, "/v1/customers", form), map[string]string{"error.param": param})
	}
	b.post("/v1/customers", "description="+strings.Repeat("é", 5000))
}

func TestWhatTheSandboxDoesNotKnowIsStillOfAnObjectThatIsThere(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.shows(b.get("/v1/customers/cus_123/cash_balance", ""), map[string]string{"object": "cash_balance"})
	b.refused(404, "resource_missing", http.MethodGet, "/v1/customers/cus_no/cash_balance", "")
	b.refused(404, "resource_missing", http.MethodPost, "/v1/payment_intents/pi_no/increment_authorization", "amount=5")
	b.del("/v1/customers/cus_123")
	b.refused(404, "resource_missing", http.MethodGet, "/v1/customers/cus_123/cash_balance", "")
	b.shows(b.get("/v1/tax_codes", ""), map[string]string{"object": "list"})
}
