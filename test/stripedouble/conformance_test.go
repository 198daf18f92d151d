package stripedouble

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

func stripeMock(t *testing.T) string {
	t.Helper()
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		t.Fatal(err)
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		t.Fatal(err)
	}
	stub, err := server.NewStubServer(fixtures, spec, true, false)
	if err != nil {
		t.Fatal(err)
	}
	mock := httptest.NewServer(http.HandlerFunc(stub.HandleRequest))
	t.Cleanup(mock.Close)
	return mock.URL
}

// TestAnswersHaveTheShapeOfStripeMocks sends the same requests to both. Status
// and the names of all fields must be equal, of a refusal its type.
func TestAnswersHaveTheShapeOfStripeMocks(t *testing.T) {
	t.Parallel()
	mock := stripeMock(t)
	b := start(t, Options{Customers: []string{"cus_123"}})
	made := b.must(t, "POST", "/v1/subscriptions", "", "customer=cus_123&items[0][price]=price_1", 200)
	one := "/v1/subscriptions/" + made.field(t, "id").(string)
	for _, test := range []struct{ method, path, form string }{
		{"POST", "/v1/customers", "email=a%40b.c&name=A&metadata[a]=b"},
		{"POST", "/v1/payment_intents", "amount=2000&currency=usd&customer=cus_123"},
		{"POST", "/v1/payment_intents", "amount=2000"},
		{"POST", "/v1/payment_intents", "amount=abc&currency=usd"},
		{"POST", "/v1/subscriptions", "customer=cus_123&items[0][price]=price_1"},
		{"POST", "/v1/subscriptions", "items[0][price]=price_1"},
		{"GET", one, ""},
		{"POST", one, "cancel_at_period_end=true"},
		{"DELETE", one, ""},
	} {
		t.Run(test.method+" "+test.path+"?"+test.form, func(t *testing.T) {
			theirs := ask(t, mock, test.method, test.path, test.form)
			ours := ask(t, b.url, test.method, test.path, test.form)
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Errorf("stripe-mock (-) and the double (+) differ:\n%s", diff)
			}
		})
	}
}

// ask returns status and the names of the fields.
func ask(t *testing.T, base, method, path, form string) []string {
	t.Helper()
	request, err := http.NewRequest(method, base+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sk_test_1")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	shape := []string{fmt.Sprint("status ", response.StatusCode)}
	if response.StatusCode != http.StatusOK {
		// stripe-mock's errors have a type and a message only.
		inner, ok := body["error"].(map[string]any)
		if !ok {
			t.Fatalf("no error in %s", raw)
		}
		return append(shape, fmt.Sprint("type ", inner["type"]))
	}
	return append(shape, fields("", body)...)
}

// fields lists the names of the fields of an object, sorted, inner ones too.
func fields(prefix string, o map[string]any) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		names = append(names, prefix+name)
		if inner, ok := o[name].(map[string]any); ok && name != "metadata" {
			names = append(names, fields(prefix+name+".", inner)...)
		}
	}
	return names
}
