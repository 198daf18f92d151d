//go:build !wasip1

package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

type sumParams struct {
	A int8 `json:"a"`
	B int8 `json:"b,omitempty"`
}

type sumResult struct {
	Sum int    `json:"sum"`
	Key string `json:"key,omitempty"`
}

func sum(ctx context.Context, in sumParams) (sumResult, error) {
	if in.A < 0 {
		return sumResult{}, Refuse(CodeRejected, "%d is negative", in.A).With("a", in.A)
	}
	return sumResult{Sum: int(in.A) + int(in.B), Key: CallFrom(ctx).IdempotencyKey}, nil
}

func TestTypedActionReadsParamsAndWritesItsResult(t *testing.T) {
	p := New(Info{Name: "sum", Version: "1.0.0"}, Action[sumParams, sumResult]{Name: "sum", Do: sum})
	result, err := p.Execute(t.Context(), Call{Action: "sum", Params: json.RawMessage(`{"a":1,"b":2}`), IdempotencyKey: "k"})
	if err != nil || string(result.Body) != `{"sum":3,"key":"k"}` {
		t.Errorf("got %s, %v", result.Body, err)
	}
	for params, want := range map[string]Error{
		`{"a":300}`: {Code: CodeInvalidParams, Faults: []Fault{{Pointer: "/a", Message: "is out of range"}}},
		`{"a":-1}`:  {Code: CodeRejected, Details: json.RawMessage(`{"a":-1}`)},
		`{"c":1}`:   {Code: CodeInvalidParams, Faults: []Fault{{Pointer: "/c", Message: "is not known"}}},
	} {
		_, err := p.Execute(t.Context(), Call{Action: "sum", Params: json.RawMessage(params)})
		var got *Error
		if !errors.As(err, &got) || got.Code != want.Code || got.Outcome != OutcomeNotExecuted || string(got.Details) != string(want.Details) ||
			len(want.Faults) > 0 && (len(got.Faults) != 1 || got.Faults[0] != want.Faults[0]) {
			t.Errorf("%s: got %+v", params, got)
		}
	}
	if _, err := p.Execute(t.Context(), Call{Action: "other"}); !errors.Is(err, &Error{Code: CodeUnknownAction}) {
		t.Errorf("got %v", err)
	}
}

func TestRawActionsPassBytesThrough(t *testing.T) {
	p := New(Info{Name: "raw", Version: "1.0.0"},
		Action[json.RawMessage, json.RawMessage]{Name: "echo", Do: func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil }},
		Action[struct{}, Result]{Name: "file", Do: func(context.Context, struct{}) (Result, error) {
			return Result{Body: []byte("%PDF"), ContentType: "application/pdf"}, nil
		}},
	)
	if result, err := p.Execute(t.Context(), Call{Action: "echo", Params: json.RawMessage(`{ "n": 1.50 }`)}); err != nil || string(result.Body) != `{ "n": 1.50 }` {
		t.Errorf("got %s, %v", result.Body, err)
	}
	if result, err := p.Execute(t.Context(), Call{Action: "file", Params: json.RawMessage(`{}`)}); err != nil || string(result.Body) != "%PDF" || result.ContentType != "application/pdf" {
		t.Errorf("got %+v, %v", result, err)
	}
	m := p.Manifest()
	if string(m.Actions[0].Params) != `{"type":"object"}` || m.Actions[0].Result != nil || m.Actions[1].Result != nil {
		t.Errorf("got %+v", m.Actions)
	}
}

func TestGivenSchemasArePublishedByteForByte(t *testing.T) {
	echo := Action[json.RawMessage, json.RawMessage]{
		Name:           "echo",
		ParamsSchema:   json.RawMessage(`{ "type": "object" }`),
		ResultSchema:   json.RawMessage(`{ "type": ["object"] }`),
		Examples:       []json.RawMessage{json.RawMessage(`{ "n": 1.50 }`), json.RawMessage(`{}`)},
		ExampleResults: []json.RawMessage{json.RawMessage(`{ "n": 1.5 }`)},
		Do:             func(_ context.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil },
	}
	credentials := Credentials[json.RawMessage]{
		Schema:    json.RawMessage(`{ "type": "object", "maxProperties": 1 }`),
		Configure: func(context.Context, json.RawMessage) error { return nil },
	}
	m, err := readManifest(New(Info{Name: "given", Version: "1.0.0"}, credentials, echo), silent)
	if err != nil {
		t.Fatal(err)
	}
	action := m.Actions[0]
	for got, want := range map[string]string{
		string(m.Credentials):             `{ "type": "object", "maxProperties": 1 }`,
		string(action.Params):             `{ "type": "object" }`,
		string(action.Result):             `{ "type": ["object"] }`,
		string(action.Examples[0].Params): `{ "n": 1.50 }`,
		string(action.Examples[0].Result): `{ "n": 1.5 }`,
		string(action.Examples[1].Params): `{}`,
		string(action.Examples[1].Result): ``,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	echo.ExampleResults = append(echo.ExampleResults, echo.ExampleResults[0], echo.ExampleResults[0])
	if _, err := readManifest(New(Info{Name: "given", Version: "1.0.0"}, echo), silent); err == nil || !strings.Contains(err.Error(), "2 examples, and 3 results") {
		t.Errorf("got %v", err)
	}
}

type keys struct {
	Key string `json:"key" secret:"true"`
}

func TestCredentialsAreReadIntoTheirType(t *testing.T) {
	var got keys
	var config Config
	p := New(Info{Name: "k", Version: "1.0.0"}, Credentials[keys]{Configure: func(ctx context.Context, k keys) error {
		got, config = k, ConfigFrom(ctx)
		return nil
	}})
	if want := `{"type":"object","properties":{"key":{"type":"string","writeOnly":true}},"required":["key"],"additionalProperties":false}`; string(p.Manifest().Credentials) != want {
		t.Errorf("got %s", p.Manifest().Credentials)
	}
	if err := p.Configure(t.Context(), Config{Credentials: json.RawMessage(`{"key":"s"}`), DataDir: "/d"}); err != nil || got.Key != "s" || config.DataDir != "/d" {
		t.Errorf("got %+v, %+v, %v", got, config, err)
	}
	if err := p.Configure(t.Context(), Config{Credentials: json.RawMessage(`{"key":1}`)}); err == nil || !strings.Contains(err.Error(), "/key: is no string") {
		t.Errorf("got %v", err)
	}
}

func TestPluginSaysOnlyThatItVerifiesWhatItVerifies(t *testing.T) {
	verify := func(context.Context, WebhookRequest) (WebhookEvent, error) { return WebhookEvent{ID: "e"}, nil }
	sample := func(context.Context, SampleRequest) (Sample, error) { return Sample{Body: []byte("b")}, nil }
	for name, c := range map[string]struct {
		parts             []Part
		verifies, samples bool
	}{
		"neither": {nil, false, false},
		"one":     {[]Part{Webhook{Verify: verify}}, true, false},
		"both":    {[]Part{Webhook{Verify: verify, Sample: sample}}, true, true},
	} {
		p := New(Info{Name: "w", Version: "1.0.0"}, c.parts...)
		_, verifies := p.(WebhookVerifier)
		_, samples := p.(WebhookSampler)
		if verifies != c.verifies || samples != c.samples || (p.Manifest().Webhook != nil) != c.verifies {
			t.Errorf("%s: verifies %t, samples %t", name, verifies, samples)
		}
	}
}

func TestPluginThatIsNotInOrderSaysAllThatIsWrong(t *testing.T) {
	p := New(Info{Name: "bad", Version: "1.0.0"},
		Action[sumParams, sumResult]{Name: "sum"},
		Action[sumParams, sumResult]{Name: "sum", Do: sum},
		Action[string, sumResult]{Name: "text", Do: func(context.Context, string) (out sumResult, err error) { return out, nil }},
		Action[struct {
			C chan int `json:"c"`
		}, any]{Name: "odd", Do: nil},
		Credentials[any]{}, Credentials[keys]{}, Webhook{}, Webhook{},
	)
	_, err := readManifest(p, silent)
	if err == nil {
		t.Fatal("it is in order")
	}
	for _, want := range []string{
		`action "sum": it has no Do`, `action "sum" is there twice`, "params are an object, and string is none", ".c: chan int has no JSON",
		"interface {} can be anything", "the credentials have no Configure", "these are two", "the webhook has no Verify",
	} {
		if !strings.Contains(strings.ReplaceAll(err.Error(), ".C:", ".c:"), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	if _, err := p.Execute(t.Context(), Call{Action: "odd", Params: json.RawMessage(`{}`)}); !errors.Is(err, &Error{Code: CodeInternal}) {
		t.Errorf("a call of it: %v", err)
	}
}

func TestErrorsSayWhatIsKnown(t *testing.T) {
	refused := Refuse(CodeDeclined, "no %s", "funds").With("declineCode", "insufficient_funds").With("n", 1)
	if refused.Outcome != OutcomeNotExecuted || refused.Message != "no funds" || string(refused.Details) != `{"declineCode":"insufficient_funds","n":1}` {
		t.Errorf("got %+v", refused)
	}
	if failed := Fail(CodeUpstream, "gone").Later(5).With("bad", func() {}); failed.Outcome != OutcomeUnknown || !failed.Retryable || failed.RetryAfter != 5 || failed.Details != nil {
		t.Errorf("got %+v", failed)
	}
}

func TestResultThatCannotBeWrittenLeavesTheEffectStanding(t *testing.T) {
	p := New(Info{Name: "odd", Version: "1.0.0"}, Action[struct{}, map[string]float64]{
		Name: "ratio", Do: func(context.Context, struct{}) (map[string]float64, error) {
			return map[string]float64{"ratio": math.Inf(1)}, nil
		},
	})
	_, err := p.Execute(t.Context(), Call{Action: "ratio", Params: json.RawMessage(`{}`)})
	var got *Error
	if !errors.As(err, &got) || got.Code != CodeInternal || got.Outcome != OutcomeExecuted || !got.Final {
		t.Errorf("got %+v", err)
	}
	if err := checkSize(Result{Body: make([]byte, MaxBodySize+1)}); !errors.As(err, &got) || got.Code != CodeResultTooLarge || got.Outcome != OutcomeExecuted || !got.Final {
		t.Errorf("got %+v", got)
	}
}

// Each row is what one more failed call, with the same key, makes of what was known.
func TestOutcomeAfterACallIsTheWorstThatIsKnown(t *testing.T) {
	const no, unknown, yes = OutcomeNotExecuted, OutcomeUnknown, OutcomeExecuted
	for _, test := range []struct {
		earlier, said Outcome
		final, keyed  bool
		want          Outcome
	}{
		{no, no, false, false, no},
		{no, no, true, true, no},
		{no, "", false, true, unknown},
		{no, unknown, true, true, unknown}, // a replayed failure of the vendor
		{no, yes, true, true, yes},
		{unknown, no, false, true, unknown}, // refused before the key was looked at
		{unknown, no, true, true, no},       // the key's own response
		{unknown, no, true, false, unknown}, // no key was looked at
		{unknown, unknown, true, true, unknown},
		{unknown, yes, false, true, yes},
		{yes, no, true, true, yes},
		{yes, unknown, false, true, yes},
		{yes, "", true, true, yes},
	} {
		e := &Error{Outcome: test.said, Final: test.final}
		if got := e.OutcomeAfter(test.earlier, test.keyed); got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}
