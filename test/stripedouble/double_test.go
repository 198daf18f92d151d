package stripedouble

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/backflow/backflow/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reply is an answer as a client sees it.
type reply struct {
	status   int
	body     string
	header   http.Header
	replayed bool
}

func (r reply) field(t *testing.T, path ...string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(r.body), &value); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	for _, name := range path {
		o, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("no %v in %s", path, r.body)
		}
		value = o[name]
	}
	return value
}

type bench struct {
	*Double
	url    string
	client *http.Client
}

func start(t *testing.T, options Options) *bench {
	t.Helper()
	double, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(double)
	t.Cleanup(server.Close)
	// One connection a request: net/http repeats a request on a kept one.
	transport := &http.Transport{DisableKeepAlives: true}
	return &bench{double, server.URL, &http.Client{Transport: transport}}
}

func (b *bench) do(method, path, key, form string) (reply, error) {
	request, err := http.NewRequest(method, b.url+path, strings.NewReader(form))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Authorization", "Bearer sk_test_1")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := b.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, string(body), response.Header, response.Header.Get("Idempotent-Replayed") == "true"}, errors.Join(err, response.Body.Close())
}

func (b *bench) must(t *testing.T, method, path, key, form string, status int) reply {
	t.Helper()
	got, err := b.do(method, path, key, form)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if got.status != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, got.status, got.body, status)
	}
	return got
}

func TestAKeyHasOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	first := b.must(t, "POST", "/v1/customers", "k", "email=a%40b.c&name=A", 200)
	second := b.must(t, "POST", "/v1/customers", "k", "name=A&email=a%40b.c", 200)
	if first.body != second.body || first.replayed || !second.replayed {
		t.Errorf("replayed %v then %v; bodies equal: %v", first.replayed, second.replayed, first.body == second.body)
	}
	want := []Effect{{Key: "k", Operation: "POST /v1/customers", ID: first.field(t, "id").(string)}}
	if diff := cmp.Diff(want, b.Effects()); diff != "" {
		t.Error(diff)
	}
}

func TestAKeyWithOtherParamsIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	b.must(t, "POST", "/v1/customers", "k", "name=A", 200)
	for _, other := range []struct{ path, form string }{{"/v1/customers", "name=B"}, {"/v1/payment_intents", "name=A"}} {
		got := b.must(t, "POST", other.path, "k", other.form, 400)
		if got.field(t, "error", "type") != "idempotency_error" {
			t.Error(got.body)
		}
	}
}

func TestAKeyUnderWayIsAConflict(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	release := make(chan struct{})
	if err := b.Script(Fault{Kind: Slow, Until: release}); err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := b.do("POST", "/v1/customers", "k", "name=A"); err != nil {
			t.Error(err)
		}
	})
	testkit.Eventually(t, 10*time.Second, "the first call is at the double", func() bool { return b.UnderWay("k") })
	got := b.must(t, "POST", "/v1/customers", "k", "name=A", 409)
	if got.field(t, "error", "code") != "idempotency_key_in_use" {
		t.Error(got.body)
	}
	close(release)
	work.Wait()
	if got := b.must(t, "POST", "/v1/customers", "k", "name=A", 200); !got.replayed {
		t.Error("not replayed")
	}
}

func TestDeclinesAndErrorsOfTheServerAreReplayed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		form   string
		fault  []Fault
		status int
	}{
		"declined by amount":     {"amount=40002&currency=usd", nil, 402},
		"declined by customer":   {"amount=1&currency=usd&customer=cus_declined", nil, 402},
		"an error of the server": {"amount=1&currency=usd", []Fault{{Kind: Error500}}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, Options{})
			if err := b.Script(test.fault...); err != nil {
				t.Fatal(err)
			}
			first := b.must(t, "POST", "/v1/payment_intents", "k", test.form, test.status)
			second := b.must(t, "POST", "/v1/payment_intents", "k", test.form, test.status)
			if first.replayed || !second.replayed || first.body != second.body {
				t.Errorf("replayed %v, %v", first.replayed, second.replayed)
			}
			if len(b.Effects()) != 0 {
				t.Errorf("effects: %v", b.Effects())
			}
		})
	}
}

func TestRefusedParamsAreNotKept(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	for _, test := range []struct{ form, param string }{
		{"currency=usd", "amount"}, {"amount=0&currency=usd", "amount"}, {"amount=-5&currency=usd", "amount"},
		{"amount=1e%2B06&currency=usd", "amount"}, {"amount=20.5&currency=usd", "amount"}, {"amount=1", "currency"},
		{"amount=1&currency=usd&customer=cus_none", "customer"},
	} {
		got := b.must(t, "POST", "/v1/payment_intents", "k", test.form, 400)
		if got.field(t, "error", "param") != test.param {
			t.Errorf("%s: %s", test.form, got.body)
		}
	}
	if got := b.must(t, "POST", "/v1/payment_intents", "k", "amount=1&currency=usd", 200); got.replayed {
		t.Error("a refusal was kept")
	}
}

func TestKeysLiveADayAndBelongToOneAccount(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Unix(1_700_000_000, 0)
	b := start(t, Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	b.must(t, "POST", "/v1/customers", "k", "name=A", 200)
	pass := func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
	pass(24*time.Hour - time.Second)
	if !b.must(t, "POST", "/v1/customers", "k", "name=A", 200).replayed {
		t.Error("forgotten before 24 hours")
	}
	pass(time.Second)
	if b.must(t, "POST", "/v1/customers", "k", "name=A", 200).replayed {
		t.Error("kept after 24 hours")
	}

	request, err := http.NewRequest("POST", b.url+"/v1/customers", strings.NewReader("name=A"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sk_test_1")
	request.Header.Set("Stripe-Account", "acct_1")
	request.Header.Set("Idempotency-Key", "k")
	response, err := b.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if response.Header.Get("Idempotent-Replayed") != "" {
		t.Error("another account was answered")
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for kind, test := range map[Kind]struct {
		status  int // 0: no answer
		effects int
		again   bool // the repeat is a replay
	}{
		CutBefore:    {0, 0, false},
		CutAfter:     {0, 1, true},
		RateLimit:    {429, 0, false},
		HTML502:      {502, 0, false},
		HTML502After: {502, 1, true},
		Slow:         {200, 1, true},
		SlowAnswer:   {200, 1, true},
		HalfAnswer:   {200, 1, true},
		Answer:       {418, 0, false},
		AnswerAfter:  {418, 1, true},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := start(t, Options{})
			if err := b.Script(Fault{Kind: kind, Operation: "POST /v1/customers", RetryAfter: 7, Status: 418}); err != nil {
				t.Fatal(err)
			}
			got, err := b.do("POST", "/v1/customers", "k", "name=A")
			if got.status != test.status || (err != nil) != (test.status == 0 || kind == HalfAnswer) {
				t.Errorf("got %d, %v", got.status, err)
			}
			if kind == RateLimit && got.header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After: %q", got.header.Get("Retry-After"))
			}
			if len(b.Effects()) != test.effects {
				t.Errorf("%d effects, want %d", len(b.Effects()), test.effects)
			}
			again := b.must(t, "POST", "/v1/customers", "k", "name=A", 200)
			if again.replayed != test.again || len(b.Effects()) != 1 {
				t.Errorf("again: replayed %v, %d effects", again.replayed, len(b.Effects()))
			}
		})
	}
}

func TestAFaultMayWaitForAFieldOfTheForm(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	fault := Fault{Kind: Answer, Where: "metadata[order]=7", Times: 10, Status: 418, Header: map[string]string{"Content-Type": "text/plain", "X-A": "b"}, Body: "short and stout"}
	if err := b.Script(fault, Fault{Kind: Answer, Where: "metadata[order]=8", Status: 418}); err != nil {
		t.Fatal(err)
	}
	got := b.must(t, "POST", "/v1/customers", "k", "name=A&metadata[order]=7", 418)
	if got.body != fault.Body || got.header.Get("Content-Type") != "text/plain" || got.header.Get("X-A") != "b" {
		t.Errorf("%+v", got)
	}
	for _, other := range []string{"", "name=7", "metadata[order]=70", "metadata[order]=6&x=metadata[order]=7"} {
		b.must(t, "POST", "/v1/customers", "", other, 200)
	}
	b.ClearWhere("metadata[order]=7")
	b.must(t, "POST", "/v1/customers", "k", "name=A&metadata[order]=7", 200)
	b.must(t, "POST", "/v1/customers", "", "metadata[order]=8", 418)
	if err := b.Script(Fault{Kind: Answer}); err == nil {
		t.Error("took an answer without a status")
	}
}

func TestChanceIsTheSameForASeed(t *testing.T) {
	t.Parallel()
	sequence := func(seed uint64) string {
		f := &Double{}
		if err := f.SetChance(Chance{CutBefore: 0.3, CutAfter: 0.3, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for range 200 {
			kinds = append(kinds, string(f.faults.next("POST /v1/customers", "").Kind))
		}
		return strings.Join(kinds, ",")
	}
	if sequence(1) != sequence(1) || sequence(1) == sequence(2) {
		t.Error("the seed does not decide")
	}
	for _, kind := range []Kind{CutBefore, CutAfter} {
		if n := strings.Count(sequence(1), string(kind)); n < 30 || n > 90 {
			t.Errorf("%d of 200 are %s", n, kind)
		}
	}
	if err := (&Double{}).SetChance(Chance{CutBefore: 0.6, CutAfter: 0.6}); err == nil {
		t.Error("took chances above 1")
	}
}

func TestSubscriptionsAreCancelledOnce(t *testing.T) {
	t.Parallel()
	b := start(t, Options{Customers: []string{"cus_123"}})
	made := b.must(t, "POST", "/v1/subscriptions", "k", url.Values{"customer": {"cus_123"}, "items[0][price]": {"price_1"}}.Encode(), 200)
	path := "/v1/subscriptions/" + made.field(t, "id").(string)
	if got := b.must(t, "POST", path, "", "cancel_at_period_end=true&metadata[a]=b", 200); got.field(t, "cancel_at_period_end") != true || got.field(t, "metadata", "a") != "b" || got.field(t, "status") != "active" {
		t.Error(got.body)
	}
	if got := b.must(t, "DELETE", path, "", "", 200); got.field(t, "status") != "canceled" {
		t.Error(got.body)
	}
	if got := b.must(t, "DELETE", path, "", "", 404); got.field(t, "error", "code") != "resource_missing" {
		t.Error(got.body)
	}
	if got := b.must(t, "GET", path, "", "", 200); got.field(t, "status") != "canceled" {
		t.Error(got.body)
	}
	b.must(t, "POST", path, "", "cancel_at_period_end=true", 400)
	b.must(t, "GET", "/v1/subscriptions/sub_none", "", "", 404)
	b.must(t, "GET", "/v1/subscriptions/cus_123", "", "", 404)
	b.must(t, "GET", "/v1/charges", "", "", 404)
}

func TestControlPaths(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	b.must(t, "POST", "/_double/faults", "", `{"script":[{"kind":"rateLimit","times":2}]}`, 204)
	b.must(t, "POST", "/v1/customers", "k", "", 429)
	b.must(t, "DELETE", "/_double/faults", "", "", 204)
	b.must(t, "POST", "/v1/customers", "k", "", 200)
	b.must(t, "POST", "/v1/customers", "k", "", 200)
	got := b.must(t, "GET", "/_double/effects", "", "", 200)
	if got.field(t, "perKey", "k") != 1.0 || got.field(t, "requests") != 3.0 {
		t.Error(got.body)
	}
	for _, wrong := range []string{`{"cutBefore":2}`, `{"script":[{"kind":"no"}]}`, `{"unknown":1}`, `x`} {
		b.must(t, "POST", "/_double/faults", "", wrong, 400)
	}
	b.must(t, "GET", "/_double/other", "", "", 404)
	b.must(t, "POST", "/_double/faults", "", `{"cutBefore":1,"seed":3}`, 204)
	if _, err := b.do("POST", "/v1/customers", "k9", ""); err == nil {
		t.Error("not cut")
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	response, err := b.client.Post(b.url+"/v1/customers", "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
}
