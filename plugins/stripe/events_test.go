package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

func (s served) ListEvents(t *testing.T, request sdk.ListEventsRequest) (sdk.EventPage, *sdk.Error) {
	t.Helper()
	page, err := s.Plugin.(sdk.EventLister).ListEvents(t.Context(), request)
	var failure *sdk.Error
	if err != nil && !errors.As(err, &failure) {
		t.Fatalf("%v is no *sdk.Error", err)
	}
	if err == nil {
		if err := request.Check(page); err != nil {
			t.Error(err)
		}
	}
	return page, failure
}

// everyEvent reads all pages.
func everyEvent(t *testing.T, p served, request sdk.ListEventsRequest) []sdk.ListedEvent {
	t.Helper()
	var all []sdk.ListedEvent
	for {
		page, failure := p.ListEvents(t, request)
		if failure != nil {
			t.Fatalf("%+v", failure)
		}
		if all = append(all, page.Events...); page.NextCursor == "" {
			return all
		}
		request.Cursor = page.NextCursor
	}
}

func TestEventsAreListedPageByPageAsTheirWebhookHasThem(t *testing.T) {
	t.Parallel()
	p := onSandbox(t)
	began := time.Now().Add(-time.Minute)
	var want []string
	for i := range 5 {
		made := must(t, p, "createCustomer", fmt.Sprintf(`{"name":"c%d"}`, i), "")
		want = append(want, made["id"].(string))
	}
	listed := everyEvent(t, p, sdk.ListEventsRequest{Since: began, Limit: 2})
	var ids, about []string
	for _, event := range listed {
		ids = append(ids, event.ID)
		read, err := readEvent(event.Payload)
		if err != nil || read.ID != event.ID || event.Type != "customer.created" || event.Livemode == nil || *event.Livemode || event.CreatedAt.Before(began) {
			t.Errorf("%v: %+v", err, event)
		}
		var payload struct {
			Data struct{ Object struct{ ID string } }
		}
		if err := json.Unmarshal(event.Payload, &payload); err != nil {
			t.Error(err)
		}
		about = append(about, payload.Data.Object.ID)
	}
	slices.Sort(about)
	slices.Sort(want)
	if !slices.Equal(about, want) {
		t.Errorf("listed are events of %q, want %q", about, want)
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != len(want) {
		t.Errorf("an event is listed twice: %q", ids)
	}
	for name, request := range map[string]sdk.ListEventsRequest{
		"later ones":   {Since: time.Now().Add(time.Hour), Limit: 100},
		"earlier ones": {Since: began.Add(-time.Hour), Until: began.Add(-time.Minute), Limit: 100},
	} {
		if events := everyEvent(t, p, request); len(events) != 0 {
			t.Errorf("%s: %+v", name, events)
		}
	}
}

func TestAListAsksStripeForItsSpanInWholeSeconds(t *testing.T) {
	t.Parallel()
	config := sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"URL"}`)}
	p, asked := recordedBy(t, config, func(r *http.Request, _ string) string { return r.Method + " " + r.URL.RequestURI() }, func(r *http.Request) string {
		event := `{"id":"evt_%[1]s","object":"event","type":"a.b","created":1767323046,"livemode":%[2]t}`
		if r.URL.Query().Get("starting_after") != "" {
			return `{"object":"list","data":[` + fmt.Sprintf(event, "3", false) + `],"has_more":false}`
		}
		return `{"object":"list","data":[` + fmt.Sprintf(event, "1", false) + "," + fmt.Sprintf(event, "2", true) + `],"has_more":true}`
	})
	since := time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC)
	events := everyEvent(t, p, sdk.ListEventsRequest{Since: since, Until: since.Add(time.Minute), Types: []string{"a.*", "*"}, Limit: 1000})
	const span = "GET /v1/events?created[gte]=1767323045&created[lt]=1767323106"
	if diff := cmp.Diff([]string{span + "&limit=100", span + "&starting_after=evt_2&limit=100"}, asked()); diff != "" {
		t.Error(diff)
	}
	// The second event is of live mode, and the key of test mode.
	if len(events) != 2 || events[0].ID != "evt_1" || events[1].ID != "evt_3" || !events[0].CreatedAt.Equal(time.Unix(1767323046, 0)) {
		t.Errorf("got %+v", events)
	}
}

func TestThinEventsAreListedWhereTheFilterNamesThem(t *testing.T) {
	t.Parallel()
	const thin = `{"id":"evt_test_1","object":"v2.core.event","context":"acct_1","created":"2026-01-02T03:04:05.123Z","data":{"a":{"b":[1]}},"changes":null,"livemode":false,` +
		`"reason":null,"related_object":{"id":"acct_1","type":"v2.core.account","url":"/v2/core/accounts/acct_1"},"type":"v2.core.account.updated"}`
	p, asked := described(t)
	_ = p
	for name, c := range map[string]struct {
		types []string
		want  []string
	}{
		"thin ones alone": {[]string{"v2.core.account.*"}, []string{"/v2"}},
		"both":            {[]string{"customer.created", "v1.billing.*"}, []string{"/v1", "/v2"}},
		"all of v1":       {nil, []string{"/v1"}},
		"any":             {[]string{"*"}, []string{"/v1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var paths []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				paths = append(paths, r.URL.Path[:3])
				switch {
				case strings.HasPrefix(r.URL.Path, "/v1"):
					_, _ = w.Write([]byte(`{"object":"list","data":[],"has_more":false}`))
				case r.URL.Query().Get("page") == "":
					if got := r.URL.RequestURI(); got != "/v2/core/events?created[gte]=2026-01-01T00:00:00.000Z&created[lt]=2026-01-03T00:00:00.001Z&limit=7" &&
						got != "/v2/core/events?created[gte]=2026-01-01T00%3A00%3A00.000Z&created[lt]=2026-01-03T00%3A00%3A00.001Z&limit=7" {
						t.Errorf("asked for %s", got)
					}
					_, _ = w.Write([]byte(`{"data":[` + thin + `],"next_page_url":"/v2/core/events?limit=7&page=p2","previous_page_url":null}`))
				default:
					_, _ = w.Write([]byte(`{"data":[],"next_page_url":null,"previous_page_url":null}`))
				}
			}))
			t.Cleanup(server.Close)
			p := configured(t, sdk.Config{BaseDir: "testdata", Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `","apiDescription":"v2.json"}`)})
			events := everyEvent(t, p, sdk.ListEventsRequest{
				Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 3, 0, 0, 0, 1, time.UTC), Types: c.types, Limit: 7,
			})
			if paths = slices.Compact(paths); !slices.Equal(paths, c.want) {
				t.Errorf("asked for %q, want %q", paths, c.want)
			}
			if !slices.Contains(c.want, "/v2") {
				return
			}
			want := strings.Replace(thin, `"data":{"a":{"b":[1]}},"changes":null,`, "", 1)
			if len(events) != 1 || events[0].ID != "evt_test_1" || events[0].Type != "v2.core.account.updated" || string(events[0].Payload) != want {
				t.Errorf("got %+v %s", events, events[0].Payload)
			}
		})
	}
	if got := asked(); len(got) != 0 {
		t.Errorf("asked %q", got)
	}
}

func TestThinEventsNeedAVersionThatHasThem(t *testing.T) {
	t.Parallel()
	_, failure := onMock(t).ListEvents(t, sdk.ListEventsRequest{Since: time.Now(), Types: []string{"v2.core.*"}, Limit: 1})
	if failure == nil || failure.Code != sdk.CodeRejected || !strings.Contains(failure.Message, "2024-09-30") || !strings.Contains(failure.Message, "apiDescription") {
		t.Errorf("got %+v", failure)
	}
}

func TestAListThatFailsSaysWhenToAskAgain(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]sdk.Error{
		http.StatusTooManyRequests:     {Code: sdk.CodeRateLimited, Retryable: true, RetryAfter: 7 * time.Second},
		http.StatusInternalServerError: {Code: sdk.CodeUpstream, Retryable: true, RetryAfter: 7 * time.Second},
		http.StatusOK:                  {Code: sdk.CodeUpstream, Retryable: true},
		http.StatusUnauthorized:        {Code: sdk.CodeCredentials},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"data":[{"id":"evt_1"}]}`))
		}))
		t.Cleanup(server.Close)
		p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
		_, failure := p.ListEvents(t, sdk.ListEventsRequest{Since: time.Now(), Limit: 1})
		if failure == nil || failure.Code != want.Code || failure.Retryable != want.Retryable || failure.RetryAfter != want.RetryAfter {
			t.Errorf("%d: got %+v", status, failure)
		}
	}
	if _, failure := onMock(t).ListEvents(t, sdk.ListEventsRequest{Since: time.Now(), Cursor: "elsewhere", Limit: 1}); failure == nil || failure.Code != sdk.CodeInvalidParams {
		t.Errorf("a cursor of another plugin: %+v", failure)
	}
}
