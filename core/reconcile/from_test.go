package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// listing is an integration whose action "list" returns what a test says.
type listing struct {
	result string
	err    error
	params string // of the last call
}

func (*listing) Name() string { return "vendor" }

func (*listing) Manifest() *sdk.Manifest {
	return &sdk.Manifest{Name: "vendor", Version: "1", Actions: []sdk.ActionSpec{{Name: "list", Params: json.RawMessage(`{"type":"object"}`)}}}
}

func (*listing) Status() action.Status { return action.Status{State: action.StateReady} }

func (l *listing) Execute(_ context.Context, call action.Call) (sdk.Result, error) {
	l.params = string(call.Params.Raw())
	return sdk.Result{Body: []byte(l.result)}, l.err
}

// from makes a list of the action of an integration.
func from(t *testing.T, l *listing, params string, paths map[string]string) reconcile.From {
	t.Helper()
	registry, err := action.NewRegistry(l)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := value.Parse([]byte(params))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := template.Compile(parsed, template.Options{Roots: reconcile.FromRoots()})
	if err != nil {
		t.Fatal(err)
	}
	path := func(name, otherwise string) (p value.Path) {
		written, given := paths[name]
		if !given {
			written = otherwise
		}
		if written == "" {
			return nil
		}
		if p, _, err = value.ScanPath(written, 0); err != nil {
			t.Fatal(err)
		}
		return p
	}
	return reconcile.From{
		Find:   func() (*action.Action, error) { return registry.Find("vendor", "list") },
		Params: compiled, Now: func() time.Time { return time.Unix(1_800_000_000, 0) },
		Items: path("items", "data"), Next: path("next", "nextCursor"), More: path("more", ""),
		ID: path("id", "id"), Type: path("type", "type"), Created: path("created", "created"), Payload: path("payload", ""),
	}
}

func TestAListIsReadFromTheResultOfAnAction(t *testing.T) {
	since, until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	event := func(id, kind, payload string, at time.Time) sdk.ListedEvent {
		return sdk.ListedEvent{WebhookEvent: sdk.WebhookEvent{ID: id, Type: kind, Payload: json.RawMessage(payload)}, CreatedAt: at}
	}
	for name, test := range map[string]struct {
		params  string
		paths   map[string]string
		request sdk.ListEventsRequest
		result  string
		sent    string
		want    sdk.EventPage
	}{
		"as it is by default": {
			params:  `{"from":"{{since}}","to":"{{until}}","page":"{{cursor?}}","size":"{{limit}}"}`,
			request: sdk.ListEventsRequest{Since: since, Until: until, Limit: 100},
			result:  `{"data":[{"id":"a","type":"paid","created":"2026-01-02T03:30:00.5Z","n":1.50}],"nextCursor":"x"}`,
			sent:    `{"from":"2026-01-02T03:04:05Z","size":100,"to":"2026-01-02T04:00:00Z"}`,
			want: sdk.EventPage{NextCursor: "x", Events: []sdk.ListedEvent{
				event("a", "paid", `{"created":"2026-01-02T03:30:00.5Z","id":"a","n":1.50,"type":"paid"}`, time.Date(2026, 1, 2, 3, 30, 0, 5e8, time.UTC)),
			}},
		},
		"seconds, and paths of all kinds": {
			params:  `{"created[gte]":"{{sinceUnix}}","created[lt]":"{{untilUnix}}","starting_after":"{{cursor?}}"}`,
			paths:   map[string]string{"items": "result.list", "id": `meta["event id"]`, "type": "meta.topic", "created": "meta.at", "payload": "body", "more": "result.has_more", "next": ""},
			request: sdk.ListEventsRequest{Since: since, Until: until, Cursor: "z", Limit: 100},
			result: `{"result":{"has_more":true,"list":[{"meta":{"event id":17,"topic":"t","at":1767324600},"body":{"a":1}},
				{"meta":{"event id":"b","topic":"t","at":"1767324600500"},"body":null}]}}`,
			sent: `{"created[gte]":1767323045,"created[lt]":1767326400,"starting_after":"z"}`,
			want: sdk.EventPage{NextCursor: "b", Events: []sdk.ListedEvent{
				event("17", "t", `{"a":1}`, time.Unix(1767324600, 0).UTC()), event("b", "t", `null`, time.UnixMilli(1767324600500).UTC()),
			}},
		},
		"the result itself, up to now, without more": {
			params:  `{"to":"{{untilUnix}}"}`,
			paths:   map[string]string{"items": ""},
			request: sdk.ListEventsRequest{Since: since, Limit: 100},
			result:  `[{"id":"a","type":"t","created":1.5e9}]`,
			sent:    `{"to":1800000600}`,
			want:    sdk.EventPage{Events: []sdk.ListedEvent{event("a", "t", `{"created":1.5e9,"id":"a","type":"t"}`, time.Unix(1_500_000_000, 0).UTC())}},
		},
		"the last page": {
			params: `{}`, request: sdk.ListEventsRequest{Since: since, Until: until, Limit: 100},
			result: `{"data":[],"nextCursor":null}`, sent: `{}`, want: sdk.EventPage{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := &listing{result: test.result}
			page, err := from(t, l, test.params, test.paths).List(t.Context(), test.request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, page); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.sent, l.params); diff != "" {
				t.Errorf("params (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAResultThatIsNoListIsAnErrorThatNamesThePlace(t *testing.T) {
	for result, want := range map[string]string{
		`<html>`:       "not JSON",
		`{"data":{}}`:  "no array",
		`{"data":[1]}`: "item 0: it has no id",
		`{"data":[{"id":"a","type":"t","created":1},{"id":"","type":"t","created":1}]}`: "item 1: it has no id",
		`{"data":[{"id":"a","created":1}]}`:                                             "its type",
		`{"data":[{"id":"a","type":"t"}]}`:                                              "its time",
		`{"data":[{"id":"a","type":"t","created":"yesterday"}]}`:                        "its time",
		`{"data":[{"id":"a","type":"t","created":-5}]}`:                                 "its time",
		`{"data":[{"id":"a","type":"t","created":"9999-12-31T23:59:59-23:59"}]}`:        "its time: in UTC it is",
		`{"data":[{"id":"a","type":"t","created":"0001-01-01T00:00:00+23:59"}]}`:        "its time: in UTC it is",
		`{"data":[],"nextCursor":{}}`:                                                   "the cursor",
	} {
		_, err := from(t, &listing{result: result}, `{}`, nil).List(t.Context(), sdk.ListEventsRequest{Since: time.Unix(0, 0), Limit: 1})
		var failed *sdk.Error
		if !errors.As(err, &failed) || failed.Code != sdk.CodeUpstream || !strings.Contains(failed.Message, want) {
			t.Errorf("%s: %v, want %q", result, err, want)
		}
	}
	// Items that can be read are there, and the way to the next page.
	for result, next := range map[string]string{
		`{"data":[{"id":"a","type":"t","created":1},{"id":"b","created":1}],"more":true}`: "b",
		`{"data":[{"id":"a","type":"t","created":1},{"created":1}],"more":true}`:          "a",
		`{"data":[{"id":"a","type":"t","created":1},{"created":1}],"more":false}`:         "",
	} {
		page, err := from(t, &listing{result: result}, `{}`, map[string]string{"more": "more"}).List(t.Context(), sdk.ListEventsRequest{Since: time.Unix(0, 0), Limit: 1})
		if !errors.As(err, new(*provider.UnreadableError)) || len(page.Events) != 1 || page.Events[0].ID != "a" || page.NextCursor != next {
			t.Errorf("%s: %+v, %v", result, page, err)
		}
	}
	_, err := from(t, &listing{result: `{"data":[{"created":1}],"more":true}`}, `{}`, map[string]string{"more": "more"}).List(t.Context(), sdk.ListEventsRequest{Since: time.Unix(0, 0), Limit: 1})
	if err == nil || errors.As(err, new(*provider.UnreadableError)) {
		t.Errorf("a page without a way to the next one: %v", err)
	}
	limited := &sdk.Error{Code: sdk.CodeRateLimited, Retryable: true, RetryAfter: time.Minute}
	_, err = from(t, &listing{err: limited}, `{}`, nil).List(t.Context(), sdk.ListEventsRequest{Since: time.Unix(0, 0), Limit: 1})
	if !errors.Is(err, limited) {
		t.Errorf("the error of the action: %v", err)
	}
}

// FuzzAListIsReadOrRefused: whatever an action returns, a list is read from it or an
// error says why not; what is read can be taken in.
func FuzzAListIsReadOrRefused(f *testing.F) {
	f.Add(`{"data":[{"id":"a","type":"t","created":1}],"nextCursor":"x"}`)
	f.Add(`[]`)
	f.Add(`{"data":[{"id":1e400,"type":null,"created":"9999-12-31T23:59:60Z"}]}`)
	f.Add(`{"data":[{"id":"\ud800","type":"t","created":1e30}]}`)
	f.Add(`{"data":[{"id":"a","type":"t","created":"9999-12-31T23:59:59-23:59"}]}`)
	f.Fuzz(func(t *testing.T, result string) {
		page, err := from(t, &listing{result: result}, `{}`, nil).List(t.Context(), sdk.ListEventsRequest{Since: time.Unix(0, 0), Limit: 1})
		if err != nil {
			return
		}
		for _, e := range page.Events {
			if _, err := value.Parse(e.Payload); e.ID == "" || err != nil || e.CreatedAt.Year() < 1 || e.CreatedAt.Year() > 9999 {
				t.Errorf("%+v, %v", e, err)
			}
		}
	})
}
