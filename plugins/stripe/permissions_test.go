package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/permission"
	"github.com/backflow/backflow/plugins/stripe/internal/sample"
	"github.com/backflow/backflow/sdk"
)

// specOf returns what the plugin publishes of an action.
func specOf(t *testing.T, name string) *sdk.ActionSpec {
	t.Helper()
	manifest := newServed().Manifest()
	i := slices.IndexFunc(manifest.Actions, func(a sdk.ActionSpec) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("there is no action %s", name)
	}
	return &manifest.Actions[i]
}

// TestEveryOperationIsTreatedAsItsMethodAndPathSay: whether it reads, how a repeat is
// treated, and which right it needs.
func TestEveryOperationIsTreatedAsItsMethodAndPathSay(t *testing.T) {
	t.Parallel()
	description, err := embeddedDescription()
	if err != nil {
		t.Fatal(err)
	}
	type operation struct{ id, method, path string }
	operations := []operation{
		{"PostV2BillingMeterEvents", "POST", "/v2/billing/meter_events"},
		{"GetV2CoreEventsId", "GET", "/v2/core/events/{id}"},
		{"DeleteV2CoreEventDestinationsId", "DELETE", "/v2/core/event_destinations/{id}"},
		{"PostV2CoreThings", "POST", "/v2/core/things"},
		{"PostThings", "POST", "/v1/things"},
		{"DeleteThingsThing", "DELETE", "/v1/things/{thing}"},
		{"GetThings", "GET", "/v1/things"},
	}
	for _, id := range description.IDs() {
		o := description.Operation(id)
		operations = append(operations, operation{o.ID(), o.Method(), o.Path()})
	}
	call, err := specOf(t, "call").Treatments()
	if err != nil {
		t.Fatal(err)
	}
	read, err := specOf(t, "read").Treatments()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range operations {
		id := func(string) (string, bool) { return o.id, true }
		want := sdk.Treatment{Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour}
		switch {
		case o.method == "GET":
			want = sdk.Treatment{}
		case strings.HasPrefix(o.path, "/v2/"):
			want.KeyLifetime = 30 * 24 * time.Hour
		case o.method == "DELETE":
			want = sdk.Treatment{Writes: true, Repeat: sdk.RepeatIdempotent}
		}
		// Of what a given description may have more, no right is known.
		if right, _ := permission.For(o.method, o.path); right != "" && description.Operation(o.id) != nil {
			want.Permissions = []string{right}
		}
		if got := call.For(id); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s %s is treated as %+v, want %+v", o.method, o.path, got, want)
		}
		if got := read.For(id); o.method == "GET" && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read of %s is treated as %+v, want %+v", o.path, got, want)
		}
	}
}

func TestEveryNamedActionSaysWhichRightItNeeds(t *testing.T) {
	t.Parallel()
	for _, action := range newServed().Manifest().Actions {
		switch action.Name {
		case "call", "read", "listOperations", "describeOperation", fetchAction:
			continue
		}
		level := ": Read"
		if action.Writes {
			level = ": Write"
		}
		if len(action.Permissions) != 1 || !strings.HasSuffix(action.Permissions[0], level) {
			t.Errorf("%s needs %q", action.Name, action.Permissions)
		}
	}
	for name, want := range map[string]string{
		"createPaymentIntent": "PaymentIntents: Write", "searchCustomers": "Customers: Read", "createRefund": "Charges and Refunds: Write",
		"cancelSubscription": "Subscriptions: Write", "getBalance": "Balance: Read",
	} {
		if got := specOf(t, name).Permissions; !slices.Equal(got, []string{want}) {
			t.Errorf("%s needs %q, want %q", name, got, want)
		}
	}
}

// TestTheRightToFetchIsThatOfTheObject: the patterns of the types say the right of the
// path at which the object of such an event is read.
func TestTheRightToFetchIsThatOfTheObject(t *testing.T) {
	t.Parallel()
	description, err := embeddedDescription()
	if err != nil {
		t.Fatal(err)
	}
	spec := specOf(t, fetchAction)
	for _, eventType := range sample.Types() {
		body, err := sample.Event(eventType, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var event struct {
			Data struct{ Object struct{ Object string } }
		}
		if err := json.Unmarshal(body, &event); err != nil {
			t.Fatal(err)
		}
		getters, err := description.Getters(event.Data.Object.Object)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if len(getters) > 0 {
			right, _ := permission.For(http.MethodGet, getters[0].Path())
			want = []string{right}
		}
		got := spec.For(fmt.Appendf(nil, `{"type":%q}`, eventType)).Permissions
		if !slices.Equal(got, want) && want != nil {
			t.Errorf("%s: a %s needs %q, want %q", eventType, event.Data.Object.Object, got, want)
		}
	}
}
