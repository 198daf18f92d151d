package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// listing serves a list of numbered objects as Stripe does, each of about size bytes.
func listing(t *testing.T, objects, size int) (served, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		query := r.URL.Query()
		limit, err := strconv.Atoi(query.Get("limit"))
		if err != nil {
			limit = 10
		}
		start := 0
		for _, cursor := range []string{"starting_after", "page"} {
			if after := query.Get(cursor); after != "" {
				n, err := strconv.Atoi(strings.TrimLeft(after, "cuspage_"))
				if err != nil {
					t.Errorf("cursor %q", after)
				}
				start = n
			}
		}
		if r.Header.Get("Idempotency-Key") != "" {
			t.Error("a read has a key")
		}
		end := min(start+limit, objects)
		var data []string
		for i := start; i < end; i++ {
			data = append(data, fmt.Sprintf(`{"id": "cus_%d", "n": 1.50, "pad": "%s"}`, i+1, strings.Repeat("x", size)))
		}
		more := end < objects
		next := "null"
		if more {
			next = fmt.Sprintf(`"page_%d"`, end)
		}
		if strings.HasSuffix(r.URL.Path, "/search") {
			_, _ = fmt.Fprintf(w, `{"object":"search_result","url":"/v1/customers/search","has_more":%v,"data":[%s],"next_page":%s,"total_count":%d}`, more, strings.Join(data, ","), next, objects)
			return
		}
		_, _ = fmt.Fprintf(w, `{"object":"list","url":"/v1/customers","has_more":%v,"data":[%s]}`, more, strings.Join(data, ","))
	}))
	t.Cleanup(server.Close)
	return configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)}), &requests
}

type list struct {
	Object   string
	URL      string
	HasMore  bool   `json:"has_more"`
	NextPage string `json:"next_page"`
	Data     []json.RawMessage
}

func TestAListIsReadWhole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		objects, size           int
		action, params          string
		count, requests, begins int
		more                    bool
		next                    string
	}{
		"page by page":                   {250, 0, "listCustomers", `{"all":true}`, 250, 3, 1, false, ""},
		"without all, one page":          {250, 0, "listCustomers", `{"limit":7}`, 7, 1, 1, true, ""},
		"all is false":                   {250, 0, "listCustomers", `{"all":false}`, 10, 1, 1, true, ""},
		"one that is empty":              {0, 0, "listCustomers", `{"all":true}`, 0, 1, 0, false, ""},
		"with the caller's limit":        {25, 0, "listCustomers", `{"all":true,"limit":10}`, 25, 3, 1, false, ""},
		"from where the caller was":      {250, 0, "listCustomers", `{"all":true,"starting_after":"cus_200"}`, 50, 1, 201, false, ""},
		"a search":                       {250, 0, "searchCustomers", `{"all":true,"query":"name:'a'"}`, 250, 3, 1, false, ""},
		"by read":                        {250, 0, "read", `{"operationId":"GetCustomers","all":true}`, 250, 3, 1, false, ""},
		"by read, beside limit":          {250, 0, "read", `{"operationId":"GetCustomers","params":{"limit":50,"all":true}}`, 250, 5, 1, false, ""},
		"by call, from a page":           {250, 0, "call", `{"operationId":"GetCustomersSearch","params":{"query":"a","page":"page_100"},"all":true}`, 150, 2, 101, false, ""},
		"no more than 10,000":            {10_050, 0, "listCustomers", `{"all":true}`, 10_000, 100, 1, true, ""},
		"a search of more than 10,000":   {10_050, 0, "searchCustomers", `{"all":true,"query":"a"}`, 10_000, 100, 1, true, "page_10000"},
		"10,000 exactly":                 {10_000, 0, "listCustomers", `{"all":true}`, 10_000, 100, 1, false, ""},
		"no more than 16 MiB":            {500, 50_000, "listCustomers", `{"all":true}`, 300, 4, 1, true, ""},
		"a search of more than 16 MiB":   {500, 50_000, "searchCustomers", `{"all":true,"query":"a"}`, 300, 4, 1, true, "page_300"},
		"a page that is large by itself": {100, 140_000, "listCustomers", `{"all":true,"limit":100}`, 100, 1, 1, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, requests := listing(t, test.objects, test.size)
			result, failed := executed(t.Context(), p, test.action, test.params, "")
			if failed != nil {
				t.Fatalf("%+v", failed)
			}
			var got list
			if err := json.Unmarshal(result.Body, &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Data) != test.count || got.HasMore != test.more || got.NextPage != test.next || int(requests.Load()) != test.requests || got.URL == "" || got.Object == "" {
				t.Errorf("%d objects by %d requests, has_more %v, next_page %q", len(got.Data), requests.Load(), got.HasMore, got.NextPage)
			}
			for i, object := range got.Data {
				// Byte for byte.
				if want := fmt.Sprintf(`{"id": "cus_%d", "n": 1.50, `, test.begins+i); !strings.HasPrefix(string(object), want) {
					t.Fatalf("object %d is %.60s, want %s…", i, object, want)
				}
			}
		})
	}
}

func TestAListThatCannotBeReadToItsEndIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		second func(w http.ResponseWriter)
		code   sdk.Code
	}{
		"a failure":          {func(w http.ResponseWriter) { w.WriteHeader(500) }, sdk.CodeUpstream},
		"no list":            {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"id":"x"}`) }, sdk.CodeUpstream},
		"itself again":       {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"has_more":true,"data":[{"id":"cus_1"}]}`) }, sdk.CodeUpstream},
		"objects without id": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"has_more":true,"data":[{}]}`) }, sdk.CodeUpstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if requests.Add(1) == 1 {
					_, _ = io.WriteString(w, `{"has_more":true,"data":[{"id":"cus_1"}]}`)
					return
				}
				test.second(w)
			}))
			t.Cleanup(server.Close)
			p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
			if result, failed := executed(t.Context(), p, "listCustomers", `{"all":true}`, ""); failed == nil || failed.Code != test.code {
				t.Errorf("%s %+v", result.Body, failed)
			}
		})
	}
}

func TestTheTimeOfAListIsThatOfAllItsPages(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("starting_after") != "" {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return
		}
		_, _ = io.WriteString(w, `{"has_more":true,"data":[{"id":"cus_1"}]}`)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
	if result, failed := executed(t.Context(), p, "listCustomers", `{"all":true,"timeout":"200ms"}`, ""); failed == nil || failed.Code != sdk.CodeTimeout {
		t.Errorf("%s %+v", result.Body, failed)
	}
}
