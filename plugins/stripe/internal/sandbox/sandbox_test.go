package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loaded is stripe-mock, read once for all tests.
var loaded = sync.OnceValues(mock.Load)

// box is a sandbox under test.
type box struct {
	*Sandbox
	t *testing.T
	// account is sent as Stripe-Account.
	account string
}

// open starts a sandbox that ends with the test.
func open(t *testing.T, options Options) *box {
	t.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	shared, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	options.Mock = shared
	s, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &box{Sandbox: s, t: t}
}

// empty takes all away that the sandbox begins with, so that nothing of it comes due.
func (b *box) empty() {
	b.t.Helper()
	tx, err := b.state.Begin(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	defer tx.Rollback()
	tx.Clear()
	if err := tx.Commit(); err != nil {
		b.t.Fatal(err)
	}
}

// reply is a response.
type reply struct {
	Status int
	Header http.Header
	Body   map[string]any
	Raw    []byte
}

// code is the error's code, or its type where it has none.
func (r reply) code() string {
	failure, _ := r.Body["error"].(map[string]any)
	if code, ok := failure["code"].(string); ok {
		return code
	}
	kind, _ := failure["type"].(string)
	return kind
}

// text reads a dotted path, as text.
func (r reply) text(path string) string { return text(r.Body, path) }

func text(value any, path string) string {
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			there := false
			if value, there = v[name]; !there {
				return "<none>"
			}
		case []any:
			if name == "#" {
				value = json.Number(itoa(len(v)))
				continue
			}
			i := slices.Index([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, name)
			if i < 0 || i >= len(v) {
				return "<none>"
			}
			value = v[i]
		default:
			return "<none>"
		}
	}
	switch v := value.(type) {
	case nil:
		return "<null>"
	case string:
		return v
	}
	raw, _ := json.Marshal(value)
	return string(raw)
}

func itoa(n int) string { raw, _ := json.Marshal(n); return string(raw) }

// send sends a request. Form is "a=b&c=d", readable: values are escaped here.
func (b *box) send(method, path, form string, header ...string) reply {
	b.t.Helper()
	r, err := b.try(method, path, form, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *box) try(method, path, form string, header ...string) (reply, error) {
	encoded := encode(form)
	address := b.URL() + path
	var body io.Reader
	if method == http.MethodGet {
		if encoded != "" {
			address += "?" + encoded
		}
	} else {
		body = strings.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Authorization", "Bearer "+Key)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if b.account != "" {
		request.Header.Set("Stripe-Account", b.account)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{Status: response.StatusCode, Header: response.Header, Raw: raw}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&r.Body); err != nil {
		r.Body = nil
	}
	return r, nil
}

func encode(form string) string {
	if form == "" {
		return ""
	}
	var parts []string
	for _, pair := range strings.Split(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	return strings.Join(parts, "&")
}

// post, get and del send a request that must succeed.
func (b *box) post(path, form string, header ...string) reply {
	b.t.Helper()
	return b.good(b.send(http.MethodPost, path, form, header...), path, form)
}

func (b *box) get(path, form string) reply {
	b.t.Helper()
	return b.good(b.send(http.MethodGet, path, form), path, form)
}

func (b *box) del(path string) reply {
	b.t.Helper()
	return b.good(b.send(http.MethodDelete, path, ""), path, "")
}

func (b *box) good(r reply, path, form string) reply {
	b.t.Helper()
	if r.Status != http.StatusOK {
		b.t.Fatalf("%s %s: %d %s", path, form, r.Status, r.Raw)
	}
	return r
}

// refused sends a request that must be refused with a status and a code.
func (b *box) refused(status int, code, method, path, form string, header ...string) reply {
	b.t.Helper()
	r := b.send(method, path, form, header...)
	if r.Status != status || r.code() != code {
		b.t.Errorf("%s %s %s: %d %s, want %d %s: %s", method, path, form, r.Status, r.code(), status, code, r.Raw)
	}
	return r
}

// shows checks fields, by dotted path.
func (b *box) shows(r reply, want map[string]string) {
	b.t.Helper()
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if got := r.text(path); got != want[path] {
			b.t.Errorf("%s is %s, want %s", path, got, want[path])
		}
	}
}

// do does a command that must succeed.
func (b *box) do(command, params string) reply {
	b.t.Helper()
	raw, err := b.Do(b.t.Context(), command, json.RawMessage(params))
	if err != nil {
		b.t.Fatalf("%s %s: %v", command, params, err)
	}
	r := reply{Raw: raw}
	if err := json.Unmarshal(raw, &r.Body); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// events returns the types of the events that were made, oldest first.
func (b *box) events() []string {
	b.t.Helper()
	var types []string
	for _, event := range b.get("/v1/events", "limit=100").Body["data"].([]any) {
		types = append(types, text(event, "type"))
	}
	slices.Reverse(types)
	return types
}
