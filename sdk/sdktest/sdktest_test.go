package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/httpclient"
)

type rateParams struct {
	Currency string        `json:"currency" minLength:"3"`
	Max      time.Duration `json:"max" default:"30s"`
}

type rate struct {
	Rate json.Number `json:"rate"`
}

// rates asks a vendor.
func rates() sdk.Plugin {
	client := httpclient.New(0)
	return sdk.New(sdk.Info{Name: "rates", Version: "1.0.0"},
		sdk.Action[rateParams, rate]{Name: "rate", Examples: []rateParams{{Currency: "EUR"}}, Do: func(ctx context.Context, in rateParams) (out rate, err error) {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.rates.example/v1/"+in.Currency, nil)
			if err != nil {
				return out, err
			}
			response, err := client.Do(request)
			if err != nil {
				return out, err
			}
			defer func() { err = errors.Join(err, response.Body.Close()) }()
			body, err := io.ReadAll(response.Body)
			if response.StatusCode == http.StatusNotFound {
				return out, sdk.Refuse(sdk.CodeNotFound, "no currency %s", in.Currency).With("status", response.StatusCode)
			}
			sdk.Logger(ctx).Info("asked", "key", sdk.CallFrom(ctx).IdempotencyKey)
			out.Rate = json.Number(body)
			return out, err
		}},
	)
}

func vendor() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET api.rates.example/v1/EUR", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "1.2345678901234567890") })
	return mux
}

func TestActionIsCalledInOneLine(t *testing.T) {
	Call(t, rates(), "rate", rateParams{Currency: "EUR"}, HTTP(vendor()), Key("k_1")).
		Is(rate{Rate: "1.2345678901234567890"}).Is(`{ "rate": 1.2345678901234567890 }`).Logs("key=k_1")
	var got rate
	Call(t, rates(), "rate", `{"currency":"EUR"}`, HTTP(vendor())).Into(&got)
	if got.Rate != "1.2345678901234567890" {
		t.Errorf("got %s", got.Rate)
	}
}

func TestCallAnswersTheErrorsThatACallerWouldGet(t *testing.T) {
	if err := Call(t, rates(), "rate", rateParams{Currency: "XXX"}, HTTP(vendor())).Fails(sdk.CodeNotFound); string(err.Details) != `{"status":404}` {
		t.Errorf("details %s", err.Details)
	}
	if err := Call(t, rates(), "rate", rateParams{Currency: "E"}).Fails(sdk.CodeInvalidParams); len(err.Faults) != 1 || err.Faults[0].Pointer != "/currency" {
		t.Errorf("faults %v", err.Faults)
	}
	Call(t, rates(), "rate", `{"currency":"EUR","currency":"EUR"}`).Fails(sdk.CodeInvalidParams)
	Call(t, rates(), "rate", `{"currency":"EUR","other":1}`).Fails(sdk.CodeInvalidParams)
	Call(t, rates(), "sell", nil).Fails(sdk.CodeUnknownAction)
	Call(t, rates(), "rate", rateParams{Currency: "EUR"}, HTTP(vendor()), Cancelled()).Fails(sdk.CodeTimeout)
	Call(t, rates(), "rate", rateParams{Currency: "EUR"}, HTTP(vendor()), Timeout(time.Nanosecond)).Fails(sdk.CodeTimeout)
}

func TestThereIsNoNetworkUnlessTheTestGivesOne(t *testing.T) {
	Call(t, rates(), "rate", rateParams{Currency: "EUR"}).Fails(sdk.CodeUnavailable)
}

func TestGoodPluginsPass(t *testing.T) {
	t.Run("one that asks a vendor", func(t *testing.T) { Check(t, rates(), HTTP(vendor())) })
	t.Run("one with webhooks and credentials", func(t *testing.T) {
		p := hooked(&hooks{})
		Configure(t, p, settings{Key: "sk_1"})
		Check(t, p)
	})
}

func TestCredentialsAreCheckedAsTheGatewayDoes(t *testing.T) {
	h := &hooks{}
	Configure(t, hooked(h), settings{Key: "sk_1"})
	if h.key != "sk_1" {
		t.Errorf("configured with %q", h.key)
	}
	for _, refused := range []any{nil, `{"key":"sk_1","other":1}`, settings{Key: "pk_1"}, `{"key":1}`} {
		if err := ConfigureFails(t, hooked(h), refused); !strings.Contains(err.Error(), "do not match the schema") {
			t.Errorf("%v: %v", refused, err)
		}
	}
	ConfigureFails(t, rates(), settings{Key: "sk_1"})
	err := ConfigureFails(t, hooked(h), `{"key":1}`)
	if want := "the credentials do not match the schema: /key: got number, want string"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

type settings struct {
	Key string `json:"key" pattern:"^sk_" secret:"true"`
}

// hooks is a plugin whose signature is the secret itself.
type hooks struct{ key string }

func hooked(h *hooks) sdk.Plugin {
	return sdk.New(sdk.Info{Name: "hooks", Version: "1.0.0"},
		sdk.Credentials[settings]{Configure: func(_ context.Context, c settings) error { h.key = c.Key; return nil }},
		sdk.Webhook{EventTypes: []string{"a.b"}, SecretField: "key", Verify: h.verify, Sample: h.sample},
	)
}

func sign(secret string, body []byte) string { return fmt.Sprintf("%s/%d", secret, len(body)) }

func (h *hooks) verify(_ context.Context, request sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	for _, secret := range request.Secrets {
		if signature := request.Headers["X-Signature"]; len(signature) == 1 && signature[0] == sign(secret, request.Body) {
			return sdk.WebhookEvent{ID: "evt_1", Type: string(request.Body)}, nil
		}
	}
	return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: "no signature fits"}
}

func (h *hooks) sample(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
	body := []byte(request.EventType)
	return sdk.Sample{Headers: map[string]string{"x-signature": sign(request.Secret, body)}, Body: body}, nil
}

// recorder is a test that keeps its failures. Like a test it is safe for concurrent
// use.
type recorder struct {
	testing.TB
	mu       sync.Mutex // guards failures
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Error(args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprint(args...))
}
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// failuresOf runs a test to its end, or to its Fatal.
func failuresOf(t *testing.T, run func(t testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r)
	}()
	<-done
	return strings.Join(r.failures, "\n")
}

// odd is a plugin that is right until it is told otherwise.
type odd struct {
	manifest sdk.Manifest
	do       func(ctx context.Context, call sdk.Call) (sdk.Result, error)
	verify   func(sdk.WebhookRequest) (sdk.WebhookEvent, error)
}

func (o odd) Manifest() sdk.Manifest                      { return o.manifest }
func (o odd) Configure(context.Context, sdk.Config) error { return nil }
func (o odd) VerifyWebhook(_ context.Context, r sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	return o.verify(r)
}

func (o odd) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	if call.Action != "do" {
		return sdk.Result{}, sdk.Refuse(sdk.CodeUnknownAction, "no")
	}
	if !json.Valid(call.Params) {
		return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "no")
	}
	return o.do(ctx, call)
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	var calls atomic.Int64
	object := json.RawMessage(`{"type":"object"}`)
	cases := map[string]struct {
		change  func(o *odd)
		promise string
		want    string
	}{
		"bad name":       {func(o *odd) { o.manifest.Name = "Odd" }, "manifest is in order", `name "Odd"`},
		"no schema":      {func(o *odd) { o.manifest.Actions[0].Params = nil }, "manifest is in order", "no schema of its params"},
		"foreign $ref":   {func(o *odd) { o.manifest.Actions[0].Params = []byte(`{"$ref":"https://x.example/"}`) }, "manifest is in order", "complete in itself"},
		"silent webhook": {func(o *odd) { o.verify = nil; o.manifest = sdk.Manifest{Name: "odd", Version: "1.0.0"} }, "manifest is in order", "no action and no webhook"},
		"no example":     {func(o *odd) { o.manifest.Actions[0].Examples = nil }, "examples are valid", "has no example"},
		"bad example":    {func(o *odd) { o.manifest.Actions[0].Examples[0].Params = []byte(`[]`) }, "examples are valid", "params of example 0 of do"},
		"bad result of example": {func(o *odd) { o.manifest.Actions[0].Examples[0].Result = []byte(`[]`) },
			"examples are valid", "result of example 0 of do"},
		"params of any kind": {func(o *odd) { o.manifest.Actions[0].Params = []byte(`{}`) }, "bad params are refused", "accepts []"},
		"result that is not as the schema says": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{Body: []byte(`[]`)}, nil }
		}, "examples are answered", "does not match the schema"},
		"result that is no JSON": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{Body: []byte(`{`)}, nil }
		}, "examples are answered", "not JSON"},
		"plain error": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{}, errors.New("oops") }
		}, "examples are answered", "internal: oops"},
		"unknown code": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{}, &sdk.Error{Code: "teapot"} }
		}, "examples are answered", "teapot"},
		"panic": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) { panic("at the disco") }
		}, "cancelled calls end", "at the disco"},
		"a repeat that fails": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) {
				if calls.Add(1) == 2 {
					return sdk.Result{}, sdk.Refuse(sdk.CodeConflict, "again?")
				}
				return sdk.Result{Body: object}, nil
			}
		}, "repeated key does no harm", "fails with the same key"},
		"a repeat that answers otherwise": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) {
				return sdk.Result{Body: fmt.Appendf(nil, `{"n":%d}`, calls.Add(1))}, nil
			}
		}, "repeated key does no harm", "with the same key"},
		"an example that is refused": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) {
				return sdk.Result{}, sdk.Refuse(sdk.CodeNotFound, "there is none")
			}
		}, "examples are answered", "its example: not_found: there is none"},
		"a vendor that cannot be reached": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) {
				return sdk.Result{}, sdk.Refuse(sdk.CodeUnavailable, "no connection")
			}
		}, "examples are answered", "its example: unavailable"},
		"params that are no object, carried out": {func(*odd) {}, "bad params are refused", "carries out a call with params that are no object"},
		"params that are no object, and a crash": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{}, errors.New("oops") }
		}, "bad params are refused", "called with params that are no object: internal: oops"},
		"a wrong type that is taken": {func(o *odd) {
			a := &o.manifest.Actions[0]
			a.Writes, a.Repeat, a.Params = false, "", []byte(`{"type":"object","properties":{"n":{"type":"integer"}}}`)
			o.do = func(_ context.Context, c sdk.Call) (sdk.Result, error) {
				if c.Params[0] == '[' {
					return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "no")
				}
				return sdk.Result{Body: object}, nil
			}
		}, "bad params are refused", "carries out a call with a n of the wrong type"},
		"a panic at the deadline": {func(o *odd) {
			o.do = func(ctx context.Context, _ sdk.Call) (sdk.Result, error) { <-ctx.Done(); panic("too late") }
		}, "calls end with their deadline", "too late"},
		"a call that was given up and breaks the next": {func(o *odd) {
			o.do = func(ctx context.Context, _ sdk.Call) (sdk.Result, error) {
				if ctx.Err() != nil || calls.Load() < 0 {
					calls.Store(-1)
					return sdk.Result{}, errors.New("broken for good")
				}
				return sdk.Result{Body: object}, nil
			}
		}, "cancelled calls end", "a call was given up, and then the example fails"},
		"a refusal of calls at once": {func(o *odd) {
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) {
				if calls.Add(1) > 1 {
					return sdk.Result{}, sdk.Refuse(sdk.CodeRejected, "one at a time")
				}
				return sdk.Result{Body: object}, nil
			}
		}, "calls at once do not mix", "called many times at once: rejected: one at a time"},
		"big params that break it": {func(o *odd) {
			a := &o.manifest.Actions[0]
			a.Writes, a.Repeat, a.Params = false, "", []byte(`{"type":"object","properties":{"s":{"type":"string"}}}`)
			o.do = func(_ context.Context, c sdk.Call) (sdk.Result, error) {
				if len(c.Params) > 1<<20 {
					return sdk.Result{}, errors.New("no memory")
				}
				return sdk.Result{Body: object}, nil
			}
		}, "big params are answered", "no memory"},
		"a native key that is not kept": {func(o *odd) {
			o.manifest.Actions[0].Repeat = sdk.RepeatNative
			o.do = func(context.Context, sdk.Call) (sdk.Result, error) {
				return sdk.Result{Body: fmt.Appendf(nil, `{"n":%d}`, calls.Add(1))}, nil
			}
		}, "repeated key does no harm", "with the same key"},
		"webhooks that are all genuine": {func(o *odd) {
			o.manifest.Webhook = &sdk.WebhookCapability{}
			o.verify = func(sdk.WebhookRequest) (sdk.WebhookEvent, error) { return sdk.WebhookEvent{ID: "e"}, nil }
		}, "webhooks are verified", "want a *sdk.WebhookRefusal"},
		"events that it cannot list": {func(o *odd) {
			o.manifest.Webhook = &sdk.WebhookCapability{ListsEvents: true}
		}, "events are listed", "the plugin is no sdk.EventLister"},
		"a fetch by an action that is not there": {func(o *odd) {
			o.manifest.Webhook = &sdk.WebhookCapability{FetchAction: "nope"}
		}, "manifest is in order", `there is no action "nope"`},
		"a fetch that writes": {func(o *odd) {
			o.manifest.Webhook = &sdk.WebhookCapability{FetchAction: "do"}
		}, "manifest is in order", `"do" writes, and fetching only reads`},
		"endpoints that it cannot register": {func(o *odd) {
			o.manifest.Webhook = &sdk.WebhookCapability{SyncsEndpoints: true}
		}, "an endpoint is planned", "the plugin is no sdk.EndpointSyncer"},
		"a method that no webhook has": {func(o *odd) {
			o.manifest.Webhook = &sdk.WebhookCapability{Methods: []string{"GET", "PUT"}}
		}, "manifest is in order", `method "PUT"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			calls.Store(0)
			o := odd{
				manifest: sdk.Manifest{Name: "odd", Version: "1.0.0", Actions: []sdk.ActionSpec{{
					Name: "do", Params: object, Result: object, Writes: true, Repeat: sdk.RepeatTransactional,
					Examples: []sdk.Example{{Params: json.RawMessage(`{}`)}},
				}}},
				do: func(context.Context, sdk.Call) (sdk.Result, error) { return sdk.Result{Body: object}, nil },
			}
			c.change(&o)
			var failures string
			for _, promise := range newChecker(o, nil).promises() {
				if promise.name == c.promise {
					failures = failuresOf(t, promise.check)
				}
			}
			if !strings.Contains(failures, c.want) {
				t.Errorf("got %q, want %q", failures, c.want)
			}
		})
	}
}

func TestCheckFindsWhatNewWasGivenWrongly(t *testing.T) {
	p := sdk.New(sdk.Info{Name: "odd", Version: "1.0.0"}, sdk.Action[struct {
		Any any `json:"any"`
	}, struct{}]{Name: "do"})
	failures := failuresOf(t, newChecker(p, nil).promises()[0].check)
	for _, want := range []string{"json.RawMessage says so", "it has no Do"} {
		if !strings.Contains(failures, want) {
			t.Errorf("got %q, want %q", failures, want)
		}
	}
}

func TestAssertionsOfAnAnswerCanFail(t *testing.T) {
	cases := map[string]struct {
		run  func(t testing.TB)
		want string
	}{
		"another result": {func(t testing.TB) {
			Call(t, rates(), "rate", rateParams{Currency: "EUR"}, HTTP(vendor())).Is(`{"rate":1.23}`)
		}, "want {\"rate\":1.23}"},
		"an error": {func(t testing.TB) { Call(t, rates(), "rate", rateParams{Currency: "EUR"}).Is(`{}`) }, "unavailable"},
		"no error": {func(t testing.TB) {
			Call(t, rates(), "rate", rateParams{Currency: "EUR"}, HTTP(vendor())).Fails(sdk.CodeNotFound)
		}, "want the error not_found"},
		"another error":  {func(t testing.TB) { Call(t, rates(), "rate", rateParams{Currency: "EUR"}).Fails(sdk.CodeNotFound) }, "want the error not_found"},
		"nothing logged": {func(t testing.TB) { Call(t, rates(), "rate", rateParams{Currency: "EUR"}).Logs("asked") }, `has no "asked"`},
		"into another": {func(t testing.TB) {
			Call(t, rates(), "rate", rateParams{Currency: "EUR"}, HTTP(vendor())).Into(new(string))
		}, "cannot unmarshal"},
		"credentials":      {func(t testing.TB) { Configure(t, hooked(&hooks{}), nil) }, "do not match the schema"},
		"no webhooks":      {func(t testing.TB) { Webhook(t, rates(), "a.b") }, "makes no sample webhooks"},
		"nobody who looks": {func(t testing.TB) { _, _ = Verify(t, rates(), sdk.WebhookRequest{}) }, "verifies no webhooks"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := failuresOf(t, c.run); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestWhatIsBusyOrWithoutANetworkIsLetOff: many calls at once may be refused for a
// while, and a test without a network cannot reach one.
func TestWhatIsBusyOrWithoutANetworkIsLetOff(t *testing.T) {
	var calls atomic.Int64
	busy := odd{
		manifest: sdk.Manifest{Name: "odd", Version: "1.0.0", Actions: []sdk.ActionSpec{{
			Name: "do", Params: json.RawMessage(`{"type":"object"}`), Examples: []sdk.Example{{Params: json.RawMessage(`{}`)}},
		}}},
		do: func(context.Context, sdk.Call) (sdk.Result, error) {
			if calls.Add(1) > 1 {
				return sdk.Result{}, sdk.Refuse(sdk.CodeRateLimited, "slowly").Later(0)
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		},
	}
	if failures := failuresOf(t, newChecker(busy, nil).callsAtOnceDoNotMix); failures != "" {
		t.Error(failures)
	}
	if failures := failuresOf(t, newChecker(rates(), nil).examplesAreAnswered); failures != "" {
		t.Error(failures)
	}
}
