package provider

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// vectorFile is testdata/vectors/NAME.json: requests to the provider of that name, and
// what it says of them. They are the sender's published ones, or made by its own
// package, or made by hand from its page, as made says; source is the page.
type vectorFile struct {
	Source  string   `json:"source"`
	Made    string   `json:"made"`
	Vectors []vector `json:"vectors"`
}

// vector is one request and what comes of it.
type vector struct {
	Name string `json:"name"`
	// Source and Made are those of the file where they are empty.
	Source  string   `json:"source"`
	Made    string   `json:"made"`
	Secrets []string `json:"secrets"`
	// Custom is what the config of the webhook says, of the provider custom; Challenge is
	// that of any.
	Custom    CustomConfig `json:"custom"`
	Challenge *Challenge   `json:"challenge"`
	// At is when the request is judged, with a tolerance of 300 seconds.
	At      time.Time     `json:"at"`
	Request vectorRequest `json:"request"`
	Want    vectorWant    `json:"want"`
}

// vectorRequest is a request as it came.
type vectorRequest struct {
	Method  string            `json:"method"` // empty is POST
	URL     string            `json:"url"`    // the whole URL, or path and query
	Headers map[string]string `json:"headers"`
	// Body is the text of the body, Base64 a body that is no text.
	Body   string `json:"body"`
	Base64 []byte `json:"base64"`
}

// vectorWant is an event, a reply, or a refusal. What is empty is not there.
type vectorWant struct {
	Refusal string `json:"refusal"` // part of the reason
	Genuine bool   `json:"genuine"` // of the refusal
	// Unauthorized: the refusal is an *Unauthorized.
	Unauthorized bool            `json:"unauthorized"`
	NoID         bool            `json:"noID"`
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Payload      json.RawMessage `json:"payload"` // empty is the body
	Content      string          `json:"content"`
	Reply        *struct {
		Status      int    `json:"status"`
		ContentType string `json:"contentType"`
		Body        string `json:"body"`
	} `json:"reply"`
}

const vectorTolerance = 300 * time.Second

func (v vector) request() sdk.WebhookRequest {
	headers := http.Header{}
	for name, text := range v.Request.Headers {
		headers.Set(name, text)
	}
	body := []byte(v.Request.Body)
	if v.Request.Base64 != nil {
		body = v.Request.Base64
	}
	return sdk.WebhookRequest{
		Method: v.Request.Method, Headers: headers, Body: body, URL: v.Request.URL, Secrets: v.Secrets, Now: v.At, Tolerance: vectorTolerance,
	}
}

// vectors reads the vectors of a provider.
func vectors(t testing.TB, name string) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "vectors", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file vectorFile
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, v := range file.Vectors {
		if v.Name == "" || file.Source == "" || file.Made == "" || len(v.Secrets) == 0 || v.At.IsZero() {
			t.Errorf("%s: vector %d has no name, source, secret or time, or does not say how it was made", name, i+1)
		}
	}
	return file.Vectors
}

// provider is the one that a vector is for.
func (v vector) provider(t testing.TB, name string) Provider {
	t.Helper()
	table := BuiltIn()
	if name == Custom {
		p, err := NewCustom(v.Custom)
		if err != nil {
			t.Fatal(err)
		}
		table = append(table, p)
	}
	p, ok := table.Lookup(name, nil)
	if !ok {
		t.Fatalf("there is no provider %s", name)
	}
	if v.Challenge != nil {
		p = p.WithChallenge(*v.Challenge)
	}
	return p
}

// TestEveryVectorIsJudgedAsItsSenderSays, and an accepted one is refused with another
// secret, and too early and too late where the sender signs the time.
func TestEveryVectorIsJudgedAsItsSenderSays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, name := range BuiltIn().Names() {
		missing[name] = true
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, v := range vectors(t, name) {
			p := v.provider(t, name)
			t.Run(name+"/"+v.Name, func(t *testing.T) { v.test(t, p) })
			if v.Want.ID != "" {
				delete(missing, name)
			}
		}
	}
	for name := range missing {
		t.Errorf("no vector of %s is an event", name)
	}
}

func (v vector) test(t *testing.T, p Provider) {
	r := v.request()
	got, err := p.Verify(t.Context(), r)
	if v.Want.Refusal != "" {
		wantRefusal(t, "as it is", r, err, v.Want.Refusal)
		if refusal := new(sdk.WebhookRefusal); errors.As(err, &refusal) && refusal.Genuine != v.Want.Genuine {
			t.Errorf("genuine is %t", refusal.Genuine)
		}
		if got := errors.As(err, new(*Unauthorized)); got != v.Want.Unauthorized {
			t.Errorf("unauthorized is %t", got)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.CheckSecret != nil {
		for _, secret := range v.Secrets {
			if err := p.CheckSecret(secret); err != nil {
				t.Errorf("the form of the secret: %v", err)
			}
		}
	}
	if got.ID != v.Want.ID || got.Type != v.Want.Type || string(got.Content) != v.Want.Content || (got.NoID != "") != v.Want.NoID {
		t.Errorf("event %q of type %q, content %q, %q; want %+v", got.ID, got.Type, got.Content, got.NoID, v.Want)
	}
	if v.Want.Reply != nil {
		if got.Reply == nil || got.Reply.Status != v.Want.Reply.Status || got.Reply.ContentType != v.Want.Reply.ContentType || string(got.Reply.Body) != v.Want.Reply.Body {
			t.Errorf("reply %+v, want %+v", got.Reply, v.Want.Reply)
		}
	} else if got.Reply != nil {
		t.Errorf("reply %s", got.Reply.Body)
	}
	if v.Want.ID == "" {
		return
	}
	payload, want := got.Payload, v.Want.Payload
	if payload == nil {
		payload = r.Body
	}
	if want == nil {
		want = r.Body
	}
	if diff := cmp.Diff(parsed(t, want), parsed(t, payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	// In any order of secrets; not with another one alone.
	other := p.NewSecret()
	for _, secrets := range [][]string{{other, v.Secrets[0]}, {v.Secrets[0], other}} {
		changed := r
		changed.Secrets = secrets
		if _, err := p.Verify(t.Context(), changed); err != nil && len(v.Secrets) == 1 {
			t.Errorf("with two secrets: %v", err)
		}
	}
	changed := r
	changed.Secrets = []string{other}
	_, err = p.Verify(t.Context(), changed)
	wantRefusal(t, "another secret", changed, err, "")
	if p.Timestamp != "" {
		for _, by := range []time.Duration{vectorTolerance*2 + time.Second, -vectorTolerance*2 - time.Second, 200 * 365 * 24 * time.Hour, -50 * 365 * 24 * time.Hour} {
			changed := r
			changed.Now = r.Now.Add(by)
			_, err := p.Verify(t.Context(), changed)
			wantRefusal(t, "at another time", changed, err, "")
		}
	}
}

func parsed(t *testing.T, text []byte) any {
	t.Helper()
	v, err := value.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// wantRefusal fails unless err is a refusal whose reason has a text in it, and neither a
// secret nor what the secret makes.
func wantRefusal(t *testing.T, what string, r sdk.WebhookRequest, err error, reason string) {
	t.Helper()
	refusal := new(sdk.WebhookRefusal)
	if !errors.As(err, &refusal) {
		t.Errorf("%s: %v, want a refusal", what, err)
		return
	}
	if refusal.Reason == "" || !strings.Contains(refusal.Reason, reason) {
		t.Errorf("%s: refused for %q, want %q", what, refusal.Reason, reason)
	}
	for _, secret := range r.Secrets {
		for _, a := range []algorithm{hmacSHA1, hmacSHA256, hmacSHA512} {
			mac := a.mac([]byte(secret), r.Body)
			for _, hidden := range []string{secret, inHex.encode(mac), inBase64.encode(mac)} {
				if strings.Contains(refusal.Reason, hidden) {
					t.Errorf("%s: the reason shows what it must not: %s", what, refusal.Reason)
				}
			}
		}
	}
}

// genuine are the accepted events of the vectors and a sample of each type that each
// provider makes.
func genuine(t testing.TB) map[string]map[string]genuineRequest {
	t.Helper()
	all := map[string]map[string]genuineRequest{}
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, name := range append(BuiltIn().Names(), Custom) {
		all[name] = map[string]genuineRequest{}
		for _, v := range vectors(t, name) {
			if v.Want.ID != "" {
				all[name][v.Name] = genuineRequest{v.provider(t, name), v.request()}
			}
		}
		if name == Custom {
			continue
		}
		p := vector{}.provider(t, name)
		secret := p.NewSecret()
		for _, eventType := range p.EventTypes {
			made, err := p.Sample(t.Context(), sdk.SampleRequest{EventType: eventType, Secret: secret, Now: now, URL: sampleURL})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			headers := http.Header{}
			for header, text := range made.Headers {
				headers.Set(header, text)
			}
			all[name]["sample "+eventType] = genuineRequest{p, sdk.WebhookRequest{
				Headers: headers, Body: made.Body, URL: sampleURL, Secrets: []string{secret}, Now: now, Tolerance: vectorTolerance,
			}}
		}
	}
	return all
}

// sampleURL is where samples are sent to.
const sampleURL = "https://gateway.example.com/webhooks/w?a=1"

type genuineRequest struct {
	provider Provider
	sdk.WebhookRequest
}

// TestEverySampleIsAccepted with a secret that its provider makes, and is of its type.
func TestEverySampleIsAccepted(t *testing.T) {
	t.Parallel()
	for name, requests := range genuine(t) {
		for what, r := range requests {
			eventType, isSample := strings.CutPrefix(what, "sample ")
			if !isSample {
				continue
			}
			got, err := r.provider.Verify(t.Context(), r.WebhookRequest)
			if err != nil || got.ID == "" && got.Reply == nil || got.ID != "" && got.Type != eventType {
				t.Errorf("%s: %s: %+v, %v", name, what, got, err)
			}
			if r.provider.CheckSecret != nil {
				if err := r.provider.CheckSecret(r.Secrets[0]); err != nil {
					t.Errorf("%s: the secret that it makes: %v", name, err)
				}
			}
		}
	}
}

// TestNothingThatIsChangedInAGenuineRequestMakesAnotherEvent: whatever is changed in one
// header or one byte, the request is refused, or is the same event, or has the same
// content, which makes it a duplicate. Of a sender that signs nothing that holds for the
// headers.
func TestNothingThatIsChangedInAGenuineRequestMakesAnotherEvent(t *testing.T) {
	t.Parallel()
	for name, requests := range genuine(t) {
		for what, r := range requests {
			first, err := r.provider.Verify(t.Context(), r.WebhookRequest)
			if err != nil {
				t.Errorf("%s: %s: %v", name, what, err)
				continue
			}
			for change, changed := range changes(r.WebhookRequest) {
				got, err := r.provider.Verify(t.Context(), changed)
				switch {
				case err != nil || got.ID == "", got.ID == first.ID:
				case r.provider.ShowsSecret && string(changed.Body) != string(r.Body): // nothing is signed
				case got.Content != nil && string(got.Content) == string(first.Content):
				default:
					t.Errorf("%s: %s: %s makes event %q of %q", name, what, change, got.ID, first.ID)
				}
			}
		}
	}
}

// changes yields a request with one thing changed, in all ways that there are.
func changes(r sdk.WebhookRequest) func(func(string, sdk.WebhookRequest) bool) {
	headers := http.Header(r.Headers)
	step := func(of int) int { // in make test-long every byte, else about thirty
		if testkit.LongRun() {
			return 1
		}
		return 1 + of/30
	}
	return func(yield func(string, sdk.WebhookRequest) bool) {
		with := func(what string, change func(http.Header)) bool {
			changed := r
			h := headers.Clone()
			change(h)
			changed.Headers = h
			return yield(what, changed)
		}
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			text := headers.Get(name)
			for _, other := range []string{"", text + "0", "0" + text, strings.ToUpper(text), strings.ToLower(text), "00000000-0000-4000-8000-000000000000", text + "," + text, "\xff"} {
				if !with(name+": "+other, func(h http.Header) { h.Set(name, other) }) {
					return
				}
			}
			for i := 0; i < len(text); i += step(len(text)) {
				if !with(name+" at a byte", func(h http.Header) { h.Set(name, text[:i]+string(text[i]^1)+text[i+1:]) }) {
					return
				}
			}
			if !with(name+" removed", func(h http.Header) { h.Del(name) }) || !with(name+" twice", func(h http.Header) { h.Add(name, "0") }) ||
				!with(name+" twice, the other first", func(h http.Header) { h[name] = []string{"0", text} }) {
				return
			}
		}
		for _, contentType := range []string{"", "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/octet-stream", "?"} {
			if !with("content type "+contentType, func(h http.Header) { h.Set("Content-Type", contentType) }) {
				return
			}
		}
		for i := 0; i < len(r.Body); i += step(len(r.Body)) {
			for _, bit := range []byte{1, 0x20} {
				changed := r
				changed.Body = slices.Clone(r.Body)
				changed.Body[i] ^= bit
				if !yield("body at a byte", changed) {
					return
				}
			}
		}
		for what, body := range map[string][]byte{"no body": nil, "a longer body": append(slices.Clone(r.Body), ' '), "a body before": append([]byte(" "), r.Body...)} {
			changed := r
			changed.Body = body
			if !yield(what, changed) {
				return
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			changed := r
			changed.Method = method
			if !yield(method, changed) {
				return
			}
		}
	}
}

// FuzzVerify: no request makes a provider panic, and none is an event but those of the
// vectors, which are signed with the same secrets; of a sender that shows its secret, and
// signs nothing, each is.
func FuzzVerify(f *testing.F) {
	table := BuiltIn()
	type known struct {
		secrets       []string
		ids, contents map[string]bool
	}
	all := make([]known, len(table))
	for i, name := range table.Names() {
		all[i] = known{ids: map[string]bool{}, contents: map[string]bool{}}
		for _, v := range vectors(f, name) {
			if v.Want.ID == "" {
				continue
			}
			headers, err := json.Marshal(v.request().Headers)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), v.Request.Method, string(headers), v.request().Body, v.Request.URL, v.At.Unix())
			all[i].secrets = append(all[i].secrets, v.Secrets...)
			all[i].ids[v.Want.ID] = true
			all[i].contents[v.Want.Content] = v.Want.Content != ""
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, method, headers string, body []byte, target string, at int64) {
		p, of := table[int(i)%len(table)], all[int(i)%len(table)]
		r := sdk.WebhookRequest{Method: method, Body: body, URL: target, Now: time.Unix(at, 0), Tolerance: vectorTolerance, Secrets: of.secrets}
		if json.Unmarshal([]byte(headers), &r.Headers) != nil {
			return
		}
		got, err := p.Verify(t.Context(), r)
		if refusal := new(sdk.WebhookRefusal); err != nil && (!errors.As(err, &refusal) || refusal.Reason == "") {
			t.Fatalf("%s: %v is no refusal", p.Name, err)
		}
		if err == nil && got.ID != "" && !of.ids[got.ID] && !of.contents[string(got.Content)] && !p.ShowsSecret {
			t.Fatalf("%s: accepted %s with the body %q", p.Name, headers, body)
		}
	})
}
