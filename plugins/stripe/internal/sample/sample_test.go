package sample

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/shapetest"
)

var now = time.Unix(1_700_000_000, 0)

// at follows names and indices into a decoded JSON value.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, ok := value.(map[string]any)
			if !ok {
				t.Fatalf("no %v: %v is not an object", path, value)
			}
			value = o[step]
		case int:
			list, ok := value.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("no %v: %v", path, value)
			}
			value = list[step]
		}
	}
	return value
}

func sampled(t *testing.T, eventType string, set map[string]string) any {
	t.Helper()
	raw, err := Event(eventType, set, now)
	if err != nil {
		t.Fatal(err)
	}
	value, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// objects returns what the event of each type shows: testdata/objects.txt, as
// Stripe's own library for Node types it (stripe-node 14.25.0, types/EventTypes.d.ts)
// and the six types that are newer there.
func objects(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/objects.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		eventType, resource, _ := strings.Cut(strings.TrimSpace(line), " ")
		listed[eventType] = resource
	}
	return listed
}

func TestTypesAreThoseOfTheDescription(t *testing.T) {
	t.Parallel()
	types, err := TypesOf(embedded.OpenAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(types, Types()); diff != "" {
		t.Errorf("make generate writes types.txt anew: %s", diff)
	}
	if got := slices.Sorted(maps.Keys(objects(t))); !slices.Equal(got, types) {
		t.Errorf("testdata/objects.txt has other types: %v", got)
	}
}

func TestEveryTypeOfTheVersionHasASampleOfStripesShape(t *testing.T) {
	t.Parallel()
	var file struct {
		Resources map[string]map[string]any `json:"resources"`
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &file); err != nil {
		t.Fatal(err)
	}
	for eventType, resource := range objects(t) {
		t.Run(eventType, func(t *testing.T) {
			t.Parallel()
			event := sampled(t, eventType, nil)
			for path, want := range map[string]any{
				"type": eventType, "created": json.Number("1700000000"), "api_version": "2023-10-16", "livemode": false, "object": "event",
			} {
				if got := at(t, event, path); got != want {
					t.Errorf("%s is %v", path, got)
				}
			}
			if _, ok := event.(object)["account"]; ok {
				t.Error("the event is of a connected account")
			}
			shown := at(t, event, "data", "object").(object)
			raw, err := json.Marshal(shown)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range shapetest.Resource(t, resource, raw) {
				t.Errorf("%s", fault)
			}
			fixture := file.Resources[resource]
			if fixture == nil {
				return // built from its schema, which it was held to
			}
			if got, want := slices.Sorted(maps.Keys(shown)), members(fixture, eventType); !slices.Equal(got, want) {
				t.Errorf("members %v, Stripe's fixture has %v", got, want)
			}
			previous, told := at(t, event, "data").(object)["previous_attributes"].(object)
			if updates := strings.HasSuffix(eventType, "updated") || eventType == "charge.refunded"; updates != (told && len(previous) > 0) {
				t.Errorf("previous attributes: %v", previous)
			}
			for member, was := range previous {
				if is, ok := shown[member]; !ok || cmp.Equal(is, was) {
					t.Errorf("%s was %v and is %v", member, was, is)
				}
			}
		})
	}
}

// members are what an object has, where an event does not say otherwise.
func members(fixture object, eventType string) []string {
	names := maps.Clone(fixture)
	switch {
	case eventType == "invoice.upcoming":
		delete(names, "id") // it is not made yet
	case strings.HasPrefix(eventType, "customer.source."):
		names["customer"] = nil
	}
	return slices.Sorted(maps.Keys(names))
}

func TestSamplesShowTheStateThatTheyTellOf(t *testing.T) {
	t.Parallel()
	for eventType, want := range map[string]map[string]any{
		"payment_intent.succeeded":      {"status": "succeeded", "amount_received": json.Number("1099")},
		"payment_intent.payment_failed": {"status": "requires_payment_method"},
		"customer.subscription.deleted": {"status": "canceled", "ended_at": json.Number("1700000000")},
		"customer.subscription.created": {"status": "active", "canceled_at": nil},
		"invoice.paid":                  {"status": "paid", "paid": true},
		"invoice.payment_failed":        {"status": "open", "paid": false},
		"charge.refunded":               {"refunded": true},
		"checkout.session.completed":    {"status": "complete", "payment_status": "paid"},
	} {
		shown := at(t, sampled(t, eventType, nil), "data", "object")
		for field, value := range want {
			if diff := cmp.Diff(value, at(t, shown, field)); diff != "" {
				t.Errorf("%s %s: %s", eventType, field, diff)
			}
		}
	}
}

func TestEverySampleHasNewIDs(t *testing.T) {
	t.Parallel()
	seen := map[any]bool{}
	for range 50 {
		event := sampled(t, "customer.subscription.updated", nil)
		own := at(t, event, "data", "object", "id")
		if got := at(t, event, "data", "object", "items", "data", 0, "subscription"); got != own {
			t.Errorf("the item belongs to %v, not to %v", got, own)
		}
		for _, id := range []any{at(t, event, "id"), own} {
			if seen[id] {
				t.Errorf("%v comes twice", id)
			}
			seen[id] = true
		}
	}
}

func TestSetOverridesAndMakesPaths(t *testing.T) {
	t.Parallel()
	event := sampled(t, "payment_intent.succeeded", map[string]string{
		"id":                               `"evt_mine"`,
		"data.object.amount":               `12345678901234567890`,
		"data.object.metadata.order-id":    `"o 1"`,
		"data.object.charges.data[1].paid": `true`,
		"data.object.customer":             `null`,
		"data.object.list[0][1]":           `19.990`,
	})
	for _, test := range []struct {
		path []any
		want any
	}{
		{[]any{"id"}, "evt_mine"},
		{[]any{"data", "object", "amount"}, json.Number("12345678901234567890")},
		{[]any{"data", "object", "metadata", "order-id"}, "o 1"},
		{[]any{"data", "object", "charges", "data", 0}, nil},
		{[]any{"data", "object", "charges", "data", 1, "paid"}, true},
		{[]any{"data", "object", "customer"}, nil},
		{[]any{"data", "object", "list", 0, 1}, json.Number("19.990")},
		{[]any{"data", "object", "status"}, "succeeded"},
	} {
		if diff := cmp.Diff(test.want, at(t, event, test.path...)); diff != "" {
			t.Errorf("%v: %s", test.path, diff)
		}
	}
}

func TestWhatCannotBeMadeIsAClearError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		eventType string
		set       map[string]string
		want      string
	}{
		"an unknown type":  {"payment_intent.suceeded", nil, `did you mean "payment_intent.succeeded"?`},
		"nothing like it":  {"sneezed", nil, "it has 226 types"},
		"a bare word":      {"customer.created", map[string]string{"data.object.name": "Ann"}, "a string needs quotes"},
		"two values":       {"customer.created", map[string]string{"id": "1 2"}, "more than one value"},
		"an empty name":    {"customer.created", map[string]string{"data..id": "1"}, "a name is missing"},
		"an empty path":    {"customer.created", map[string]string{"": "1"}, "a name is missing"},
		"an open bracket":  {"customer.created", map[string]string{"a[1": "1"}, "an index is"},
		"a negative index": {"customer.created", map[string]string{"a[-1]": "1"}, "an index is"},
		"a huge index":     {"customer.created", map[string]string{"a[1000000000]": "1"}, "an index is"},
		"text after index": {"customer.created", map[string]string{"a[0]b": "1"}, "after an index"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Event(test.eventType, test.set, now)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}

func FuzzSet(f *testing.F) {
	for _, seed := range [][2]string{{"data.object.amount", "1"}, {"a[0][1].b", `"x"`}, {"a[", ""}, {"[]", "{}"}, {"a[999].b", "null"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, value string) {
		root := object{"data": object{"list": []any{nil}}}
		if err := assign(root, path, value); err != nil {
			return
		}
		if _, err := json.Marshal(root); err != nil {
			t.Fatal(err)
		}
	})
}
