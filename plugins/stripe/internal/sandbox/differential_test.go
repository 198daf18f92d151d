package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/plugins/stripe/internal/shapetest"
)

// TestEveryOperationRespondsAsStripesMock: of each operation that the sandbox has, a
// valid request goes to it and to stripe-mock. Both succeed, with the same fields at
// every level where both have an object, and what the sandbox responds is as
// Stripe's description of the operation says.
func TestEveryOperationRespondsAsStripesMock(t *testing.T) {
	t.Parallel()
	for id := range modules().Operations {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			b := open(t, Options{})
			operation := b.mock.Operation(id)
			if operation == nil {
				t.Fatal("Stripe's description has no such operation")
			}
			path, form := validRequest(b, operation)
			got := b.send(operation.Method, path, form)
			if refusing[id] != "" {
				if got.Status < 400 || got.Status > 499 {
					t.Errorf("it is done now, and can be taken off the list: %d %s", got.Status, got.Raw)
				}
				return
			}
			if got.Status != http.StatusOK {
				t.Fatalf("%s %s %s: %d %s\n(a valid request of it is to be told in differential_cases_test.go)", operation.Method, path, form, got.Status, got.Raw)
			}
			want := b.fromMock(operation.Method, path, form)
			if want.Status != http.StatusOK {
				t.Fatalf("stripe-mock: %s %s %s: %d %s", operation.Method, path, form, want.Status, want.Raw)
			}
			for _, fault := range shapetest.Response(t, id, got.Raw) {
				t.Errorf("not as described: %s", fault)
			}
			for _, fault := range compare("", want.Body, got.Body) {
				if !excepted(id, fault) {
					t.Errorf("not as stripe-mock: %s", fault)
				}
			}
		})
	}
}

// TestEveryOperationRefusesAsStripe: an object that is not there, and a param that
// no operation has, are refused with an error of Stripe's form.
func TestEveryOperationRefusesAsStripe(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for id := range modules().Operations {
		operation := b.mock.Operation(id)
		if operation == nil {
			continue // the other test says so
		}
		path := operation.Path
		if operation.Subject() != "" {
			for _, part := range strings.Split(path, "/") {
				if strings.HasPrefix(part, "{") {
					path = strings.Replace(path, part, "absent_1", 1)
				}
			}
			form := requiredOnly(b, operation)
			reply := b.send(operation.Method, path, form)
			if why := badRefusal(reply, http.StatusNotFound, "resource_missing"); why != "" {
				t.Errorf("%s of what is not there, %s: %s", id, form, why)
			}
		}
		reply := b.send(operation.Method, path, "no_such_param=1")
		if why := badRefusal(reply, http.StatusBadRequest, "parameter_unknown"); why != "" {
			t.Errorf("%s with an unknown param: %s", id, why)
		}
	}
}

// badRefusal says what is wrong with a refusal, "" if nothing is.
func badRefusal(r reply, status int, code string) string {
	failure, _ := r.Body["error"].(map[string]any)
	message, _ := failure["message"].(string)
	switch {
	case r.Status != status || failure["code"] != code || failure["type"] != "invalid_request_error":
		return fmt.Sprintf("%d %s", r.Status, r.Raw)
	case len(r.Body) != 1 || message == "" || failure["param"] == nil || failure["doc_url"] == nil:
		return fmt.Sprintf("not of Stripe's form: %s", r.Raw)
	case !strings.HasPrefix(r.Header.Get("Request-Id"), "req_") || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return fmt.Sprintf("headers %v", r.Header)
	}
	for name := range failure {
		if !slices.Contains([]string{"type", "code", "message", "param", "doc_url", "request_log_url"}, name) {
			return "a field that Stripe's have not: " + name
		}
	}
	return ""
}

// fromMock sends a request to stripe-mock alone.
func (b *box) fromMock(method, path, form string) reply {
	b.t.Helper()
	encoded := encode(form)
	var request *http.Request
	if method == http.MethodGet {
		request = httptest.NewRequest(method, path+"?"+encoded, nil)
	} else {
		request = httptest.NewRequest(method, path, strings.NewReader(encoded))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Authorization", "Bearer "+Key)
	recorder := httptest.NewRecorder()
	b.mock.ServeHTTP(recorder, request)
	r := reply{Status: recorder.Code, Header: recorder.Header(), Raw: recorder.Body.Bytes()}
	decoder := json.NewDecoder(bytes.NewReader(r.Raw))
	decoder.UseNumber()
	if err := decoder.Decode(&r.Body); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// compare returns where two values differ in shape: in the fields of objects, and in
// the kind of what both have.
func compare(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return nil // null, or an id where the other is expanded: the description says which may be
		}
		if free(path) {
			return nil
		}
		if kind, named := want["object"].(string); named && got["object"] != any(kind) {
			return []string{fmt.Sprintf("%s/object: %v, not %s", path, got["object"], kind)}
		}
		var faults []string
		for _, name := range slices.Sorted(maps.Keys(want)) {
			value, ok := got[name]
			if !ok {
				faults = append(faults, path+"/"+name+": missing")
				continue
			}
			faults = append(faults, compare(path+"/"+name, want[name], value)...)
		}
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if _, ok := want[name]; !ok {
				faults = append(faults, path+"/"+name+": stripe-mock has no such field")
			}
		}
		return faults
	case []any:
		got, ok := got.([]any)
		if !ok || len(want) == 0 || len(got) == 0 {
			return nil
		}
		return compare(path+"/0", want[0], got[0])
	default:
		return nil
	}
}

// free says whether an object has names of the user's own, or as many parts as there
// are cases.
func free(path string) bool {
	return strings.HasSuffix(path, "/metadata") || strings.HasSuffix(path, "/data/object") || strings.HasSuffix(path, "/previous_attributes")
}
