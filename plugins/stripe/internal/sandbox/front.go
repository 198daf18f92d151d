package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/stripe/stripe-mock/param"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// maxBody bounds the body of a request, bytes.
const maxBody = 16 << 20

// exchange is one request and what is sent back.
type exchange struct {
	sandbox *Sandbox
	http    *http.Request
	// id is the Request-Id.
	id      string
	account string
	// key is the idempotency key of a POST; other methods ignore theirs
	// (https://docs.stripe.com/api/idempotent_requests).
	key       string
	operation *mock.Operation
	request   *resource.Request
}

// response is what is sent back.
type response struct {
	Status int
	Header http.Header
	Body   []byte
}

// ServeHTTP responds as Stripe's API.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.addressed(r) {
		http.Error(w, "The sandbox is asked by programs of this machine, at "+s.URL()+".", http.StatusForbidden)
		return
	}
	if err := s.Wait(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if path, ok := s.page(r); ok {
		s.servePage(w, r, path)
		return
	}
	x := &exchange{sandbox: s, http: r, id: "req_" + random.Text(14)}
	w.Header().Set("Request-Id", x.id)
	defer func() {
		if failure := recover(); failure != nil && failure != http.ErrAbortHandler { //nolint:errorlint // it is a value that was panicked with
			s.log.Error("the Stripe sandbox failed", "operation", x.operation, "panic", failure, "stack", string(debug.Stack()))
			s.write(w, x.failure())
			return
		} else if failure != nil {
			panic(failure)
		}
	}()
	s.write(w, x.serve())
}

// addressed says whether a request was meant for the sandbox. A page of another site that
// a browser shows may not send one, neither by a form nor by a name that it has point
// to this machine: the key is no secret.
func (s *Sandbox) addressed(r *http.Request) bool {
	if r.Host != s.address && r.Host != "localhost"+s.address[strings.LastIndexByte(s.address, ':'):] {
		return false
	}
	return http.NewCrossOriginProtection().Check(r) == nil
}

// write sends a response.
func (s *Sandbox) write(w http.ResponseWriter, r *response) {
	for name, values := range r.Header {
		w.Header()[name] = values
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(s.located(r.Body)) // the client may be gone
}

// located puts the address of the sandbox in the place of the one that stands for it in
// the state.
func (s *Sandbox) located(body []byte) []byte {
	return bytes.ReplaceAll(body, []byte(resource.Origin), []byte(s.URL()))
}

// refuse makes the response of a refusal.
func refuse(refusal *resource.Refusal) *response { return show(refusal.Status, refusal.Object()) }

// show makes the response of an object.
func show(status int, o resource.Object) *response {
	body, err := json.Marshal(o)
	if err != nil {
		return refuse(&resource.Refusal{Status: http.StatusInternalServerError, Type: resource.APIError, Message: "The sandbox failed: " + err.Error()})
	}
	return &response{Status: status, Header: http.Header{}, Body: body}
}

// failure is the response where the sandbox itself failed.
func (x *exchange) failure() *response {
	return refuse(&resource.Refusal{Status: http.StatusInternalServerError, Type: resource.APIError, Message: "The sandbox failed. Its log says why; request " + x.id + "."})
}

// serve responds to a request.
func (x *exchange) serve() *response {
	if refused := x.authenticate(); refused != nil {
		return refused
	}
	s := x.sandbox
	operation, path := s.mock.Route(x.http.Method, x.http.URL.EscapedPath())
	if operation == nil {
		return refuse(&resource.Refusal{Status: http.StatusNotFound, Type: resource.InvalidRequest, Message: "Unrecognized request URL (" + x.http.Method + ": " + x.http.URL.Path + "). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."})
	}
	x.operation = operation
	if x.http.Method == http.MethodPost {
		x.key = x.http.Header.Get("Idempotency-Key")
	}
	if len(x.key) > maxKey {
		return refuse(resource.Invalid("", "parameter_invalid", "Idempotency keys may be at most %d characters", maxKey))
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, x.http.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return refuse(&resource.Refusal{Status: http.StatusRequestEntityTooLarge, Type: resource.InvalidRequest, Message: "The request is too large."})
		}
		return refuse(resource.Invalid("", "parameter_invalid", "The request cannot be read."))
	}
	if x.key != "" {
		if !s.keys.take(x.account, x.key) {
			return inUse(x.key)
		}
		defer s.keys.release(x.account, x.key)
	}
	fault := s.faults.take(operation.ID)
	if done := fault.before(x); done != nil {
		return done
	}
	done := x.execute(body, path, fault)
	if spoiled := fault.after(x); spoiled != nil {
		return spoiled
	}
	return done
}

// accountID is what the id of an account looks like. It stands in the paths of pages.
var accountID = regexp.MustCompile(`^acct_[A-Za-z0-9_]{1,64}$`)

// authenticate checks the key and the version of the API.
func (x *exchange) authenticate() *response {
	refused := &resource.Refusal{Status: http.StatusUnauthorized, Type: resource.InvalidRequest}
	key, ok := strings.CutPrefix(x.http.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, ok = x.http.BasicAuth()
	}
	switch {
	case !ok || key == "":
		refused.Message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
		return refuse(refused)
	case key != Key:
		refused.Message = "Invalid API Key provided: " + masked(key)
		return refuse(refused)
	}
	if version := x.http.Header.Get("Stripe-Version"); version != "" && version != x.sandbox.mock.Version() {
		return refuse(resource.Invalid("", "", "Invalid Stripe API version: %s. The sandbox speaks %s.", version, x.sandbox.mock.Version()))
	}
	if x.account = x.http.Header.Get("Stripe-Account"); x.account != "" && !accountID.MatchString(x.account) {
		refused.Status, refused.Code = http.StatusForbidden, "account_invalid"
		refused.Message = fmt.Sprintf("The provided key '%s' does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", masked(key), x.account)
		return refuse(refused)
	}
	return nil
}

// masked shows the kind of a key and its end, as Stripe does.
func masked(key string) string {
	const shown = 4
	if len(key) <= 3*shown {
		return strings.Repeat("*", len(key))
	}
	return key[:2*shown] + strings.Repeat("*", len(key)-3*shown) + key[len(key)-shown:]
}

// parse reads the params of query and body.
func (x *exchange) parse(body []byte) (map[string]any, *response) {
	x.http.Body = io.NopCloser(strings.NewReader(string(body)))
	kind, _, _ := strings.Cut(x.http.Header.Get("Content-Type"), ";")
	if len(body) > 0 && kind != "application/x-www-form-urlencoded" && kind != "multipart/form-data" {
		return nil, refuse(resource.Invalid("", "", "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/."))
	}
	params, err := param.ParseParams(x.http)
	if err != nil {
		return nil, refuse(resource.Invalid("", "parameter_invalid", "Invalid request: %v", err))
	}
	x.http.Body = io.NopCloser(strings.NewReader(string(body)))
	return params, nil
}
