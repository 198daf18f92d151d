package action_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// spec returns an action that takes anything, bound to "METHOD /path" unless
// binding is empty.
func spec(name, binding string) sdk.ActionSpec {
	a := sdk.ActionSpec{Name: name, Params: json.RawMessage(`{"type":"object"}`)}
	if method, path, ok := strings.Cut(binding, " "); ok {
		a.HTTP = &sdk.HTTPBinding{Method: method, Path: path}
	}
	return a
}

func TestTwoIntegrationsOfOneNameAreRefused(t *testing.T) {
	_, err := action.NewRegistry(&double{name: "shop"}, &double{name: "shop"})
	if err == nil || !strings.Contains(err.Error(), `"shop"`) {
		t.Errorf("error is %v", err)
	}
}

func TestIntegrationsAreListedByName(t *testing.T) {
	registry, err := action.NewRegistry(&double{name: "stripe"}, &double{name: "database"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, integration := range registry.Integrations() {
		names = append(names, integration.Name())
	}
	if want := []string{"database", "stripe"}; !slices.Equal(names, want) {
		t.Errorf("integrations are %v, want %v", names, want)
	}
	if integration, ok := registry.Integration("stripe"); !ok || integration.Name() != "stripe" {
		t.Errorf("Integration(stripe) is %v, %v", integration, ok)
	}
	if _, ok := registry.Integration("strip"); ok {
		t.Error("there is an integration that was not given")
	}
}

func TestUnknownNamesAreToldWithWhatWasMeant(t *testing.T) {
	registry, _ := registryOf(t, spec("createCustomer", ""), spec("deleteCustomer", ""))
	tests := []struct {
		integration, action string
		code                sdk.Code
		message             string
	}{
		{"shpo", "createCustomer", sdk.CodeNotFound, `there is no integration "shpo" (did you mean "shop"?)`},
		{"elsewhere", "createCustomer", sdk.CodeNotFound, `there is no integration "elsewhere" (known: shop)`},
		{"shop", "createCustomr", sdk.CodeUnknownAction, `integration "shop" has no action "createCustomr" (did you mean "createCustomer"?)`},
		{"shop", "x", sdk.CodeUnknownAction, `integration "shop" has no action "x" (known: createCustomer, deleteCustomer)`},
	}
	for _, test := range tests {
		_, err := registry.Find(test.integration, test.action)
		if got := wantError(t, err, test.code).Message; got != test.message {
			t.Errorf("message is %s, want %s", got, test.message)
		}
	}
}

func TestAnIntegrationThatWasNeverReadyIsUnavailableForAReason(t *testing.T) {
	registry, shop := registryOf(t, spec("pay", "POST /payments"))
	shop.manifest = nil
	tests := []struct {
		status action.Status
		want   string
	}{
		{action.Status{State: action.StateStarting}, `integration "shop" is not available (starting)`},
		{action.Status{State: action.StateFailed, Reason: "its sum is wrong"}, `integration "shop" is not available: its sum is wrong`},
	}
	for _, test := range tests {
		shop.status = test.status
		_, err := registry.Find("shop", "pay")
		_, _, _, matchErr := registry.Match("shop", "POST", []string{"payments"})
		for _, err := range []error{err, matchErr} {
			if failed := wantError(t, err, sdk.CodeUnavailable); failed.Message != test.want || !failed.Retryable {
				t.Errorf("error is %+v, want %q, retryable", failed, test.want)
			}
		}
	}
}

func TestAManifestThatAppearsLaterIsSeen(t *testing.T) {
	registry, shop := registryOf(t)
	manifest := &sdk.Manifest{Actions: []sdk.ActionSpec{spec("pay", "")}}
	shop.manifest = nil
	_, err := registry.Find("shop", "pay")
	wantError(t, err, sdk.CodeUnavailable)
	shop.manifest = manifest
	a := find(t, registry, "pay")
	if a.Spec() != &manifest.Actions[0] || a.Integration() != "shop" {
		t.Errorf("action is %q of %q", a.Spec().Name, a.Integration())
	}
	if again := find(t, registry, "pay"); again != a {
		t.Error("the same manifest was compiled twice")
	}
}

func TestAReplacedManifestTakesThePlaceOfTheOldOne(t *testing.T) {
	registry, shop := registryOf(t, spec("old", "GET /old"))
	find(t, registry, "old")
	shop.manifest = &sdk.Manifest{Actions: []sdk.ActionSpec{spec("new", "GET /new")}}
	find(t, registry, "new")
	_, err := registry.Find("shop", "old")
	wantError(t, err, sdk.CodeUnknownAction)
	_, _, _, err = registry.Match("shop", "GET", []string{"old"})
	wantError(t, err, sdk.CodeNotFound)
}

func TestASchemaThatCannotBeUsedFailsItsIntegrationByName(t *testing.T) {
	for name, schema := range map[string]string{
		"not JSON":       `{`,
		"not a schema":   `{"type":"strin"}`,
		"loads a file":   `{"$ref":"file:///etc/passwd"}`,
		"loads from web": `{"$ref":"https://example.com/schema.json"}`,
	} {
		t.Run(name, func(t *testing.T) {
			registry, _ := registryOf(t, sdk.ActionSpec{Name: "pay", Params: json.RawMessage(schema)})
			_, err := registry.Find("shop", "pay")
			failed := wantError(t, err, sdk.CodeUnavailable)
			if !strings.HasPrefix(failed.Message, `integration "shop": schema of the params of pay: `) || failed.Retryable {
				t.Errorf("error is %+v", failed)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	registry, _ := registryOf(t,
		spec("aGet", "GET /things/:id"),
		spec("remove", "DELETE /things/:id"),
		spec("search", "GET /things/search"),
		spec("create", "POST /things"),
		spec("part", "PUT /things/:id/parts/:part"),
		spec("onlyByName", ""))
	tests := []struct {
		request string
		action  string
		params  map[string]string
		allow   []string
	}{
		{"POST things", "create", nil, nil},
		{"GET things/t1", "aGet", map[string]string{"id": "t1"}, nil},
		{"GET things/search", "search", nil, nil}, // a literal goes first
		{"DELETE things/search", "remove", map[string]string{"id": "search"}, nil},
		{"DELETE things/..", "remove", map[string]string{"id": ".."}, nil},
		{"PUT things/a b/parts/:x", "part", map[string]string{"id": "a b", "part": ":x"}, nil},
		{"PATCH things/t1", "", nil, []string{"DELETE", "GET"}},
		{"get things/t1", "", nil, []string{"DELETE", "GET"}},
		{"GET things", "", nil, []string{"POST"}},
		{"GET things/", "", nil, nil},
		{"PUT things//parts/p", "", nil, nil},
		{"GET Things/t1", "", nil, nil},
		{"GET things/t1/", "", nil, nil},
		{"GET onlyByName", "", nil, nil},
		{"GET ", "", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.request, func(t *testing.T) {
			method, path, _ := strings.Cut(test.request, " ")
			a, bound, allow, err := registry.Match("shop", method, strings.Split(path, "/"))
			if test.action == "" && test.allow == nil {
				failed := wantError(t, err, sdk.CodeNotFound)
				if want := fmt.Sprintf(`integration "shop" has no endpoint /%s`, path); failed.Message != want {
					t.Errorf("message is %s, want %s", failed.Message, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(allow, test.allow) || (a != nil) != (bound != nil) || a != nil && !maps.Equal(bound.Path, test.params) {
				t.Errorf("bound by %+v, allow is %v; want %v, %v", bound, allow, test.params, test.allow)
			}
			if test.action == "" {
				if a != nil {
					t.Errorf("action is %s, want none", a.Spec().Name)
				}
			} else if a == nil || a.Spec().Name != test.action {
				t.Errorf("action is %v, want %s", a, test.action)
			}
		})
	}
	_, _, _, err := registry.Match("shpo", "GET", []string{"things"})
	wantError(t, err, sdk.CodeNotFound)
}

// TestARefusalOfTheCredentialsNamesTheActionAndThePlace: no other error does.
func TestARefusalOfTheCredentialsNamesTheActionAndThePlace(t *testing.T) {
	for name, c := range map[string]struct {
		place string
		err   *sdk.Error
		want  string
	}{
		"with a place":    {"credentials.shop.key, shop.json:4:7", sdk.Refuse(sdk.CodeCredentials, "the key lacks a right"), "shop.pay: the key lacks a right (the credentials are credentials.shop.key, shop.json:4:7)"},
		"without a place": {"", sdk.Refuse(sdk.CodeCredentials, "no"), "shop.pay: no"},
		"named already":   {"", sdk.Refuse(sdk.CodeCredentials, "shop.pay: no"), "shop.pay: no"},
		"another error":   {"credentials.shop.key, shop.json:4:7", sdk.Refuse(sdk.CodeForbidden, "no"), "no"},
	} {
		t.Run(name, func(t *testing.T) {
			registry, shop := registryOf(t, sdk.ActionSpec{Name: "pay", Params: []byte(`{"type":"object"}`)})
			registry.LocateCredentials(func(integration string, manifest *sdk.Manifest) string {
				if integration != "shop" || manifest != shop.manifest {
					t.Errorf("asked for %s, %v", integration, manifest)
				}
				return c.place
			})
			shop.execute = func(context.Context, action.Call) (sdk.Result, error) { return sdk.Result{}, c.err }
			said := c.err.Message
			call := action.Call{Params: document(`{}`)}
			_, executed := find(t, registry, "pay").Execute(t.Context(), call)
			_, called := find(t, registry, "pay").Call(t.Context(), call, nil)
			for _, err := range []error{executed, called} {
				var got *sdk.Error
				if !errors.As(err, &got) || got.Message != c.want || got.Code != c.err.Code || got.Outcome != c.err.Outcome {
					t.Errorf("got %#v", err)
				}
			}
			if c.err.Message != said {
				t.Error("the integration's own error was changed")
			}
		})
	}
}
