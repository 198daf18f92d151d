package sandbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// executeTimeout bounds the work on one request.
const executeTimeout = 30 * time.Second

// outcome is what came of an operation.
type outcome struct {
	response *response
	// stands says that what was changed stands; kept that a repeat of the idempotency
	// key gets the response again.
	stands, kept bool
}

// refused is the outcome of a refusal.
func refused(refusal *resource.Refusal) outcome {
	return outcome{response: refuse(refusal), stands: refusal.Stands, kept: refusal.Kept()}
}

// execute does the operation once for its idempotency key.
func (x *exchange) execute(body []byte, path map[string]string, fault *fault) *response {
	params, bad := x.parse(body)
	if bad != nil {
		return bad
	}
	print := fingerprint(x.http, params)
	do := x.fromMock
	if known := x.sandbox.env.Module.Operations[x.operation.ID]; known != nil {
		if wrong := x.operation.Check(params); wrong != nil {
			return refuse(resource.Invalid(wrong.Param, wrong.Code, "%s", wrong.Message))
		}
		x.request = resource.NewRequest(x.http.URL.EscapedPath(), x.operation.Subject(), path, params)
		x.request.ID, x.request.Key = x.id, x.key
		do = func(t *resource.Tx) outcome { return x.known(t, known) }
	} else if parent := x.parent(); parent != nil {
		do = parent
	} else if x.key == "" && fault == nil {
		return x.fromMock(nil).response
	}
	return x.change(print, fault.around(do))
}

// change does an operation in one transaction, with the record of its key.
func (x *exchange) change(print string, do func(t *resource.Tx) outcome) *response {
	s := x.sandbox
	// A client that hangs up undoes nothing, at Stripe as here.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.http.Context()), executeTimeout)
	defer cancel()
	var done *response
	keepLater := false
	events, err := s.change(ctx, x.account, x.request, func(tx *store.Tx, t *resource.Tx) error {
		if done = x.replay(tx, print); done != nil {
			return errUndo
		}
		came := do(t)
		done = came.response
		if !came.stands {
			keepLater = came.kept
			return errUndo
		}
		if came.kept {
			x.keep(tx, print, done)
		}
		return nil
	})
	if err == nil && keepLater && x.key != "" {
		_, err = s.change(ctx, x.account, nil, func(tx *store.Tx, _ *resource.Tx) error {
			x.keep(tx, print, done)
			return nil
		})
	}
	if err != nil {
		s.log.Error("the Stripe sandbox failed", "operation", x.operation.ID, "request", x.id, "error", err)
		return x.failure()
	}
	s.announce(events)
	return done
}

// known does an operation of a module.
func (x *exchange) known(t *resource.Tx, operation resource.Operation) outcome {
	if x.http.Method == http.MethodPost && x.sandbox.full.Load() {
		return refused(resource.Invalid("", "", "The sandbox holds %d objects, which is all that it may. `backflow sandbox reset` empties it.", maxObjects))
	}
	result, refusal := operation(t, x.request)
	if refusal == nil || refusal.Stands {
		result = t.Settle(result)
	}
	if refusal == nil {
		result, refusal = t.Expand(result, x.request.Params.Texts("expand"))
	}
	if refusal != nil {
		return refused(refusal)
	}
	return outcome{response: show(http.StatusOK, result), stands: true, kept: true}
}

// parent is, for an operation that no module has on a part of an object that one has,
// stripe-mock's response where that object is there, else the refusal. Nil where there
// is no such object.
func (x *exchange) parent() func(t *resource.Tx) outcome {
	const depth = 4 // "", "v1", "customers", "cus_123"
	parts := strings.Split(x.http.URL.EscapedPath(), "/")
	if len(parts) <= depth {
		return nil
	}
	path := strings.Join(parts[:depth], "/")
	above, names := x.sandbox.mock.Route(http.MethodGet, path)
	if above == nil || above.Subject() == "" || x.sandbox.env.Module.Operations[above.ID] == nil {
		return nil
	}
	get := x.sandbox.env.Module.Operations[above.ID]
	return func(t *resource.Tx) outcome {
		r := resource.NewRequest(path, above.Subject(), names, resource.Object{})
		o, refusal := get(t, r)
		if refusal == nil && o.Bool("deleted") {
			refusal = resource.MissingSubject(o.Kind(), o.ID())
		}
		if refusal != nil {
			return refused(refusal)
		}
		return x.fromMock(t)
	}
}

// fromMock hands the request to stripe-mock.
func (x *exchange) fromMock(*resource.Tx) outcome {
	recorder := httptest.NewRecorder()
	x.sandbox.mock.ServeHTTP(recorder, x.http)
	header := recorder.Header().Clone()
	header.Set("Request-Id", x.id)
	return outcome{
		response: &response{Status: recorder.Code, Header: header, Body: recorder.Body.Bytes()},
		stands:   true, kept: recorder.Code < 300 || recorder.Code >= 500,
	}
}
