package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Check tests what every plugin promises, as far as one process can show it, each
// promise in a subtest of its own. Actions are called with their examples. Pass
// the network that they need with HTTP, and call Configure before if the plugin
// takes credentials. Without a network, or where the vendor's double refuses the
// examples, the actions must return an error that says so.
func Check(t *testing.T, p sdk.Plugin, opts ...Option) {
	c := newChecker(p, opts)
	for _, promise := range c.promises() {
		kept := t.Run(promise.name, func(t *testing.T) { promise.check(t) })
		if !kept && c.broken != nil {
			return // the rest calls what the manifest describes
		}
	}
}

// promise is one thing that every plugin promises.
type promise struct {
	name  string
	check func(t testing.TB)
}

func (c *checker) promises() []promise {
	list := []promise{
		{"manifest is in order", c.manifestIsInOrder},
		{"examples are valid", c.examplesAreValid},
		{"bad params are refused", c.badParamsAreRefused},
		{"unknown action is refused", c.unknownActionIsRefused},
		{"examples are answered", c.examplesAreAnswered},
		{"cancelled calls end", c.cancelledCallsEnd},
		{"repeated key does no harm", c.repeatedKeyDoesNoHarm},
		{"calls at once do not mix", c.callsAtOnceDoNotMix},
	}
	if c.manifest.Webhook != nil {
		list = append(list, promise{"webhooks are verified", c.webhooksAreVerified})
	}
	return list
}

// cancelTimeout is how long an action may go on after its caller has given up. It
// is long, so that a plugin does not fail on a slow machine.
const cancelTimeout = 10 * time.Second

type checker struct {
	plugin   sdk.Plugin
	manifest sdk.Manifest
	broken   error // why the manifest cannot be used
	opts     []Option
}

func newChecker(p sdk.Plugin, opts []Option) *checker {
	c := &checker{plugin: p, opts: opts}
	c.manifest, c.broken = manifestOf(p)
	return c
}

// examples are all calls that the manifest shows.
func (c *checker) examples(yield func(spec *sdk.ActionSpec, params json.RawMessage) bool) {
	for i := range c.manifest.Actions {
		for _, example := range c.manifest.Actions[i].Examples {
			if !yield(&c.manifest.Actions[i], example.Params) {
				return
			}
		}
	}
}

func (c *checker) manifestIsInOrder(t testing.TB) {
	if c.broken != nil {
		t.Fatal(c.broken)
	}
	if again := c.plugin.Manifest(); !sameManifest(&c.manifest, &again) {
		t.Error("it is another one when it is asked for again")
	}
	if _, verifies := c.plugin.(sdk.WebhookVerifier); c.manifest.Webhook != nil && !verifies {
		t.Error("it speaks of webhooks, and the plugin is no sdk.WebhookVerifier")
	}
	if len(c.manifest.Actions) == 0 && c.manifest.Webhook == nil {
		t.Error("it has no action and no webhook")
	}
}

func sameManifest(a, b *sdk.Manifest) bool {
	left, errLeft := json.Marshal(a)
	right, errRight := json.Marshal(b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}

func (c *checker) examplesAreValid(t testing.TB) {
	for i := range c.manifest.Actions {
		spec := &c.manifest.Actions[i]
		if len(spec.Examples) == 0 {
			t.Errorf("%s has no example: give one params that work", spec.Name)
		}
		for j, example := range spec.Examples {
			if faults, err := faultsOf(spec.Params, example.Params); err != nil || len(faults) > 0 {
				t.Errorf("params of example %d of %s: %v %v", j, spec.Name, faults, err)
			}
			if len(example.Result) == 0 {
				continue
			}
			if err := checkResult(spec, sdk.Result{Body: example.Result}); err != nil {
				t.Errorf("result of example %d of %s: %v", j, spec.Name, err)
			}
		}
	}
}

// badParamsAreRefused checks that the schemas, by which the gateway refuses params,
// accept objects only, and that an action does not panic on what is not JSON.
func (c *checker) badParamsAreRefused(t testing.TB) {
	for i := range c.manifest.Actions {
		spec := &c.manifest.Actions[i]
		for _, params := range []string{`[]`, `"text"`, `null`, `1`} {
			if faults, err := faultsOf(spec.Params, []byte(params)); err == nil && len(faults) == 0 {
				t.Errorf("the schema of %s accepts %s, and params are an object", spec.Name, params)
			}
		}
		var log logs
		if _, err := execute(t.Context(), c.plugin, sdk.Call{Action: spec.Name, Params: []byte(`{"`)}, &log, c.opts); panicked(err) {
			t.Errorf("%s, given params that are no JSON: %v", spec.Name, err)
		}
	}
}

// panicked reports whether an error is that of guarded.
func panicked(err *sdk.Error) bool {
	return err != nil && err.Code == sdk.CodeInternal && strings.HasPrefix(err.Message, "panic in ")
}

func (c *checker) unknownActionIsRefused(t testing.TB) {
	var log logs
	_, err := execute(t.Context(), c.plugin, sdk.Call{Action: "noSuchAction", Params: []byte(`{}`)}, &log, c.opts)
	if err == nil || err.Code != sdk.CodeUnknownAction {
		t.Errorf("got %v, want the code %s", err, sdk.CodeUnknownAction)
	}
}

func (c *checker) examplesAreAnswered(t testing.TB) {
	for spec, params := range c.examples {
		var log logs
		_, err := call(t.Context(), c.plugin, spec, params, &log, c.opts)
		if fault := faultOf(err); fault != "" {
			t.Errorf("%s of %s: %s\n%s", spec.Name, params, fault, &log)
		}
	}
}

// faultOf returns what is wrong with an error itself: a vendor may refuse an
// example, but not like this.
func faultOf(err *sdk.Error) string {
	switch {
	case err == nil:
		return ""
	case err.Code == sdk.CodeInternal, err.Code == sdk.CodeInvalidParams, err.Code == sdk.CodeUnknownAction:
		return err.Error()
	case !slices.Contains(sdk.Codes(), err.Code):
		return "the code " + string(err.Code) + " is not one of sdk's"
	case len(err.Details) > 0 && !isObject(err.Details):
		return "the details of the error are no JSON object"
	}
	return ""
}

func isObject(raw json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && object != nil
}

func (c *checker) cancelledCallsEnd(t testing.TB) {
	for spec, params := range c.examples {
		ended := make(chan *sdk.Error, 1)
		go func() {
			var log logs
			_, err := call(t.Context(), c.plugin, spec, params, &log, append(slices.Clone(c.opts), Cancelled()))
			ended <- err
		}()
		select {
		case err := <-ended:
			// It may as well have been done before anybody looked.
			if panicked(err) {
				t.Errorf("%s: %v", spec.Name, err)
			}
		case <-time.After(cancelTimeout):
			t.Fatalf("%s goes on after its caller has given up: it does not look at its context", spec.Name)
		}
	}
}

// repeatedKeyDoesNoHarm repeats what may be repeated, as the gateway does after an
// unknown outcome.
func (c *checker) repeatedKeyDoesNoHarm(t testing.TB) {
	for spec, params := range c.examples {
		if !spec.SafeToRepeat() {
			continue
		}
		opts := append(slices.Clone(c.opts), Key("sdktest-"+random()))
		var log logs
		first, errFirst := call(t.Context(), c.plugin, spec, params, &log, opts)
		second, errSecond := call(t.Context(), c.plugin, spec, params, &log, opts)
		switch {
		case errFirst == nil && errSecond != nil:
			t.Errorf("%s succeeds, and then fails with the same key: %v", spec.Name, errSecond)
		case spec.Writes && spec.Repeat == sdk.RepeatTransactional && !bytes.Equal(first.Body, second.Body):
			t.Errorf("%s answers %s, and then %s with the same key", spec.Name, first.Body, second.Body)
		}
	}
}

// callsAtOnceDoNotMix calls everything from many goroutines: what one alone could
// do must not fail, and the race detector sees what they share.
func (c *checker) callsAtOnceDoNotMix(t testing.TB) {
	const callers = 8
	var all sync.WaitGroup
	for spec, params := range c.examples {
		var log logs
		_, alone := call(t.Context(), c.plugin, spec, params, &log, c.opts)
		for range callers {
			all.Go(func() {
				var log logs
				_, err := call(t.Context(), c.plugin, spec, params, &log, c.opts)
				if fault := faultOf(err); fault != "" && alone == nil {
					t.Errorf("%s, called many times at once: %s", spec.Name, fault)
				}
			})
		}
	}
	all.Wait()
}

func (c *checker) webhooksAreVerified(t testing.TB) {
	if _, ok := c.plugin.(sdk.WebhookSampler); !ok {
		unsigned := sdk.WebhookRequest{Body: []byte(`{}`), Secrets: []string{webhookSecret}, Now: time.Now(), Tolerance: time.Minute}
		refused(t, c.plugin, "a webhook without a signature", unsigned)
		return
	}
	for _, eventType := range c.manifest.Webhook.EventTypes {
		genuine := Webhook(t, c.plugin, eventType)
		event, err := Verify(t, c.plugin, genuine)
		if err != nil || event.ID == "" || event.Type != eventType {
			t.Errorf("a sample of %s is verified as %+v, %v", eventType, event, err)
		}
		changed := genuine
		changed.Body = append(bytes.Clone(genuine.Body), ' ')
		refused(t, c.plugin, eventType+" with another body", changed)
		foreign := genuine
		foreign.Secrets = []string{webhookSecret + "b3RoZXI"}
		refused(t, c.plugin, eventType+" with another secret", foreign)
		rotated := genuine
		rotated.Secrets = []string{webhookSecret + "b3RoZXI", webhookSecret}
		if _, err := Verify(t, c.plugin, rotated); err != nil {
			t.Errorf("%s, signed with the second of two secrets: %v", eventType, err)
		}
		bare := genuine
		bare.Headers = nil
		refused(t, c.plugin, eventType+" without headers", bare)
	}
}

func refused(t testing.TB, p sdk.Plugin, what string, request sdk.WebhookRequest) {
	t.Helper()
	var refusal *sdk.WebhookRefusal
	if _, err := Verify(t, p, request); !errors.As(err, &refusal) {
		t.Errorf("%s: got %v, want a *sdk.WebhookRefusal", what, err)
	}
}
