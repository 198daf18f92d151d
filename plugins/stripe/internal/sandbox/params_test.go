package sandbox

import (
	"net/http"
	"strings"
	"testing"
)

func TestAWrongParamIsNamedWhereverItStands(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, test := range []struct{ path, form, code, param, message string }{
		{"/v1/customers", "address[nope]=x", "parameter_unknown", "address[nope]", "Received unknown parameter: address[nope]"},
		{"/v1/customers", "invoice_settings[custom_fields][0][nam]=x", "parameter_unknown", "invoice_settings[custom_fields][0][nam]", "Received unknown parameter"},
		{"/v1/payment_intents", order + "&capture_method=bogus", "invalid_request_error", "capture_method", "Invalid capture_method: must be one of automatic, automatic_async, manual"},
		{"/v1/payment_intents", order + "&payment_method_options[card][request_three_d_secure]=never", "invalid_request_error", "payment_method_options[card][request_three_d_secure]", "must be one of any, automatic"},
		{"/v1/payment_intents/pi_1/cancel", "cancellation_reason=bogus", "invalid_request_error", "cancellation_reason", "must be one of abandoned, duplicate, fraudulent, requested_by_customer"},
	} {
		r := b.refused(http.StatusBadRequest, test.code, http.MethodPost, test.path, test.form)
		if r.text("error.param") != test.param || !strings.Contains(r.text("error.message"), test.message) {
			t.Errorf("%s %s: %s", test.path, test.form, r.Raw)
		}
	}
	// What only stripe-mock finds differs from none of its repeats.
	const text = "metadata=text"
	first := b.refused(http.StatusBadRequest, "invalid_request_error", http.MethodPost, "/v1/customers", text).text("error.message")
	if strings.Contains(first, "0x") {
		t.Error(first)
	}
	b.post("/v1/customers", "metadata[any]=x&address[city]=Bern&address[line1]=&description=")
}

func TestWhatIsNoIdOfAnAccountIsRefused(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, account := range []string{"-", "acct_", "acct_../x?y", "cus_123", "acct_" + strings.Repeat("1", 100)} {
		b.refused(http.StatusForbidden, "account_invalid", http.MethodGet, "/v1/customers", "", "Stripe-Account", account)
	}
	if r := b.send(http.MethodGet, "/v1/customers", "", "Stripe-Account", "acct_1032D82eZvKYlo2C"); r.Status != http.StatusOK {
		t.Errorf("%s", r.Raw)
	}
}
