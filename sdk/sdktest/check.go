package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Check tests what every plugin promises, as far as one process can show it, each
// promise in a subtest of its own. They are those of `backflow plugin test`, and what
// fails there fails here: see Names. Actions are called with their examples, which
// have to work. Pass the network that they need with HTTP, and call Configure before
// if the plugin takes credentials. An example that needs a network where none is
// passed is let off: its action must return an error that says so.
func Check(t *testing.T, p sdk.Plugin, opts ...Option) {
	c := newChecker(p, opts)
	for _, promise := range c.promises() {
		kept := t.Run(promise.name, func(t *testing.T) { promise.check(t) })
		if !kept && c.broken != nil {
			return // the rest calls what the manifest describes
		}
	}
}

// Names lists the checks of `backflow plugin test` that Check makes too. The others
// need the plugin as it was built: how it starts, what it prints, how it ends.
func Names() []string {
	var names []string
	for _, promise := range (&checker{manifest: sdk.Manifest{Webhook: &sdk.WebhookCapability{ListsEvents: true, FetchAction: "any", SyncsEndpoints: true}}}).promises() {
		names = append(names, promise.checks...)
	}
	return names
}

// promise is one thing that every plugin promises.
type promise struct {
	name  string
	check func(t testing.TB)
	// checks are what `backflow plugin test` calls it.
	checks []string
}

func (c *checker) promises() []promise {
	list := []promise{
		{"manifest is in order", c.manifestIsInOrder, []string{"manifest", "schemas"}},
		{"examples are valid", c.examplesAreValid, []string{"examples"}},
		{"bad params are refused", c.badParamsAreRefused, []string{"bad-params", "bad-params-called"}},
		{"unknown action is refused", c.unknownActionIsRefused, []string{"unknown-action"}},
		{"examples are answered", c.examplesAreAnswered, []string{"calls"}},
		{"calls end with their deadline", c.callsEndWithTheirDeadline, []string{"deadline"}},
		{"cancelled calls end", c.cancelledCallsEnd, []string{"cancellation"}},
		{"repeated key does no harm", c.repeatedKeyDoesNoHarm, []string{"repeated-key"}},
		{"calls at once do not mix", c.callsAtOnceDoNotMix, []string{"concurrency"}},
		{"big params are answered", c.bigParamsAreAnswered, []string{"big-params"}},
	}
	webhook := c.manifest.Webhook
	if webhook == nil {
		return list
	}
	list = append(list, promise{"webhooks are verified", c.webhooksAreVerified, []string{"webhook"}})
	if webhook.ListsEvents {
		list = append(list, promise{"events are listed", c.eventsAreListed, []string{"events"}})
	}
	if webhook.FetchAction != "" {
		list = append(list, promise{"what an event is about is fetched", c.objectIsFetched, []string{"fetch"}})
	}
	if webhook.SyncsEndpoints {
		list = append(list, promise{"an endpoint is planned", c.endpointIsPlanned, []string{"endpoint"}})
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
// accept objects only, and that an action itself refuses what is no object, and does not
// panic on what is not JSON. What an action might carry out is sent only where that
// has no effect.
func (c *checker) badParamsAreRefused(t testing.TB) {
	for i := range c.manifest.Actions {
		spec := &c.manifest.Actions[i]
		for _, params := range []string{`[]`, `"text"`, `null`, `1`, notAnObject} {
			if faults, err := faultsOf(spec.Params, []byte(params)); err == nil && len(faults) == 0 {
				t.Errorf("the schema of %s accepts %s, and params are an object", spec.Name, params)
			}
		}
		if _, err := c.execute(t, spec, `{"`); panicked(err) {
			t.Errorf("%s, given params that are no JSON: %v", spec.Name, err)
		}
		if len(spec.Examples) == 0 {
			continue
		}
		refused := func(params, what string) {
			switch _, err := c.execute(t, spec, params); {
			case err == nil:
				t.Errorf("%s carries out a call with %s", spec.Name, what)
			case broken(err):
				t.Errorf("%s, called with %s: %v", spec.Name, what, err)
			}
		}
		refused(notAnObject, "params that are no object")
		if params, field := wrongType(spec, spec.Examples[0].Params); params != nil && !spec.Writes {
			refused(string(params), "a "+field+" of the wrong type")
		}
	}
}

// execute calls an action with params that are held against no schema.
func (c *checker) execute(t testing.TB, spec *sdk.ActionSpec, params string) (sdk.Result, *sdk.Error) {
	var log logs
	return execute(t.Context(), c.plugin, sdk.Call{Action: spec.Name, Params: []byte(params)}, &log, c.opts)
}

// broken reports whether an error means that the plugin failed, and did not merely
// refuse the call.
func broken(err *sdk.Error) bool {
	switch err.Code {
	case sdk.CodeInternal, sdk.CodeUnavailable, sdk.CodeTimeout, sdk.CodeOutcomeUnknown:
		return true
	}
	return false
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
		missed := new(atomic.Bool)
		_, err := call(t.Context(), c.plugin, spec, params, &log, append(slices.Clone(c.opts), withoutNetwork(missed)))
		if fault := faultOf(err); fault != "" {
			t.Errorf("%s of %s: %s\n%s", spec.Name, params, fault, &log)
		} else if err != nil && !missed.Load() {
			t.Errorf("%s of %s, its example: %v\n%s", spec.Name, params, err, &log)
		}
	}
}

// withoutNetwork notes whether a request had no network.
func withoutNetwork(missed *atomic.Bool) Option { return func(o *options) { o.missed = missed } }

// faultOf returns what is wrong with an error itself, whatever its cause.
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

// shortTimeout is the time that a call has whose deadline is checked: an action that
// takes longer must give up then.
const shortTimeout = time.Millisecond

func (c *checker) callsEndWithTheirDeadline(t testing.TB) {
	c.end(t, Timeout(shortTimeout), "after its deadline")
}

// cancelledCallsEnd also sees to it that what worked before works afterwards.
func (c *checker) cancelledCallsEnd(t testing.TB) {
	worked := c.working(t)
	c.end(t, Cancelled(), "after its caller has given up")
	for _, example := range worked {
		var log logs
		if _, err := call(t.Context(), c.plugin, example.spec, example.params, &log, c.opts); err != nil && !busy(err) {
			t.Errorf("%s: a call was given up, and then the example fails: %v", example.spec.Name, err)
		}
	}
}

// end calls all examples in a way that ends them, and waits for that.
func (c *checker) end(t testing.TB, way Option, when string) {
	for spec, params := range c.examples {
		ended := make(chan *sdk.Error, 1)
		go func() {
			var log logs
			_, err := call(t.Context(), c.plugin, spec, params, &log, append(slices.Clone(c.opts), way))
			ended <- err
		}()
		select {
		case err := <-ended:
			// It may as well have been done before anybody looked.
			if panicked(err) {
				t.Errorf("%s: %v", spec.Name, err)
			}
		case <-time.After(cancelTimeout):
			t.Fatalf("%s goes on %s: it does not look at its context", spec.Name, when)
		}
	}
}

// example is a call that the manifest shows.
type example struct {
	spec   *sdk.ActionSpec
	params json.RawMessage
}

// working are the examples that work and may be called again.
func (c *checker) working(t testing.TB) []example {
	var list []example
	for spec, params := range c.examples {
		if !spec.For(params).SafeToRepeat() {
			continue
		}
		var log logs
		if _, err := call(t.Context(), c.plugin, spec, params, &log, c.opts); err == nil {
			list = append(list, example{spec, params})
		}
	}
	return list
}

// busy reports whether an error is one that a plugin may return to many calls at once,
// or to calls with the same key.
func busy(err *sdk.Error) bool {
	return err.Code == sdk.CodeRateLimited || err.Code == sdk.CodeConflict
}

// repeatedKeyDoesNoHarm repeats what may be repeated, as the gateway does after an
// unknown outcome. What a vendor's double does with keys is not compared: it is not
// the vendor that keeps them.
func (c *checker) repeatedKeyDoesNoHarm(t testing.TB) {
	var given options
	for _, option := range c.opts {
		option(&given)
	}
	for spec, params := range c.examples {
		treatment := spec.For(params)
		if !treatment.SafeToRepeat() {
			continue
		}
		opts := append(slices.Clone(c.opts), Key("sdktest-"+random()))
		var log logs
		first, errFirst := call(t.Context(), c.plugin, spec, params, &log, opts)
		if errFirst != nil {
			continue // another promise
		}
		second, errSecond := call(t.Context(), c.plugin, spec, params, &log, opts)
		keeps := treatment.Repeat == sdk.RepeatTransactional || treatment.Repeat == sdk.RepeatNative && given.network == nil
		switch {
		case errSecond != nil:
			t.Errorf("%s succeeds, and then fails with the same key: %v", spec.Name, errSecond)
		case treatment.Writes && keeps && !bytes.Equal(first.Body, second.Body) && !sameJSON(first.Body, second.Body):
			t.Errorf("%s answers %s, and then %s with the same key", spec.Name, first.Body, second.Body)
		}
	}
}

// callsAtOnceDoNotMix calls everything from many goroutines: what one alone could
// do must not fail, and the race detector sees what they share.
func (c *checker) callsAtOnceDoNotMix(t testing.TB) {
	const callers = 16
	working := c.working(t)
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for i := range working {
				example := working[(caller+i)%len(working)]
				var log logs
				if _, err := call(t.Context(), c.plugin, example.spec, example.params, &log, c.opts); err != nil && !busy(err) {
					t.Errorf("%s, called many times at once: %v", example.spec.Name, err)
				}
			}
		})
	}
	all.Wait()
}

// bigParamsAreAnswered sends a text of 1 MiB, in a field that takes one where that has
// no effect.
func (c *checker) bigParamsAreAnswered(t testing.TB) {
	for _, example := range c.working(t) {
		params := []byte(`["` + bigText + `"]`)
		if !example.spec.Writes {
			params = bigParams(example.spec, example.params)
		}
		if _, err := c.execute(t, example.spec, string(params)); err != nil && broken(err) {
			t.Errorf("%s, called with %d bytes of params: %.300s", example.spec.Name, len(params), err.Error())
		}
	}
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
