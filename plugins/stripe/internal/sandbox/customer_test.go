package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestACustomerIsKept(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/customers", "email=a@b.c&metadata[order]=1&address[city]=Bonn")
	id := made.text("id")
	b.shows(b.get("/v1/customers/"+id, ""), map[string]string{"email": "a@b.c", "metadata.order": "1", "address.city": "Bonn", "livemode": "false", "object": "customer"})

	b.post("/v1/customers/"+id, "metadata[size]=L&metadata[order]=&name=Ann")
	b.shows(b.get("/v1/customers/"+id, ""), map[string]string{"metadata": `{"size":"L"}`, "name": "Ann", "email": "a@b.c"})
	b.post("/v1/customers/"+id, "metadata=&name=")
	b.shows(b.get("/v1/customers/"+id, ""), map[string]string{"metadata": `{}`, "name": "<null>"})

	b.shows(b.del("/v1/customers/"+id), map[string]string{"deleted": "true", "id": id})
	b.shows(b.get("/v1/customers/"+id, ""), map[string]string{"deleted": "true", "id": id})
	b.refused(404, "resource_missing", http.MethodPost, "/v1/customers/"+id, "name=x")
	if got, want := b.events(), []string{"customer.created", "customer.updated", "customer.updated", "customer.deleted"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func TestAnUnknownCustomerIsStripes404(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	r := b.refused(404, "resource_missing", http.MethodGet, "/v1/customers/cus_nobody", "")
	b.shows(r, map[string]string{"error.param": "id", "error.message": "No such customer: 'cus_nobody'", "error.type": "invalid_request_error"})
	if !strings.HasPrefix(r.Header.Get("Request-Id"), "req_") {
		t.Errorf("no request id: %v", r.Header)
	}
}

func TestTheSeedsCustomerIsThere(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.shows(b.get("/v1/customers/cus_123", ""), map[string]string{"id": "cus_123"})
	b.del("/v1/customers/cus_123")
	b.do("reset", "")
	b.shows(b.get("/v1/customers/cus_123", ""), map[string]string{"deleted": "<none>"})
}
