package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// replayedHeader marks a response that repeats the one to an earlier request with
// the same key.
const replayedHeader = "Idempotent-Replayed"

// expiresHeader says when the record of a stored response expires. Then the key
// is as if it had never been used.
const expiresHeader = "Idempotency-Expires"

// callAction calls the action that was found with what the request brings, and
// sends its result.
func (x *requestContext) callAction(w http.ResponseWriter, r *http.Request) error {
	a := x.action
	key, err := x.keyOf(r)
	if err != nil {
		return err
	}
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	body, err := x.readJSON(r, value.ParseDoc)
	if err != nil {
		return err
	}
	params, err := a.Bind(x.bound, query, body)
	if err != nil {
		return err
	}
	call, err := x.caller.grant(a, params)
	if err != nil {
		return err
	}
	if key == "" {
		// The key makes the short repeat of a failed call safe; the next
		// request has another.
		result, err := x.execute(r.Context(), call, rand.Text())
		if err != nil {
			return err
		}
		resultResponse(result).send(w)
		return nil
	}
	if x.storeDown() {
		return errStoreDown
	}
	scope := x.scope(r, key)
	entry, err := x.services.Ledger.Begin(r.Context(), scope, idempotency.FingerprintOf(scope.Method, scope.Path, r.URL.RawQuery, body.Raw()))
	if err != nil {
		return err
	}
	defer entry.Release()
	failpoint("inserted")
	if stored, ok := entry.Replay(); ok {
		kept := response{status: stored.Status, header: stored.Header.Clone(), body: stored.Body}
		w.Header().Set(replayedHeader, "true")
		w.Header().Set(expiresHeader, entry.Expires().Format(time.RFC3339))
		kept.send(w)
		return nil
	}
	return x.callOnce(w, r, call, entry)
}

// callOnce calls the action under a key that the ledger recorded, and settles
// the record.
func (x *requestContext) callOnce(w http.ResponseWriter, r *http.Request, call grantedCall, entry *idempotency.Entry) error {
	treatment := call.action.For(call.params)
	if entry.Repeated() && !repeatable(treatment, x.now().Sub(entry.Since())) {
		x.logUnsettled(r, entry.KeepUnknown(r.Context()))
		return &idempotency.UnknownOutcomeError{Since: entry.Since()}
	}
	result, err := x.execute(r.Context(), call, entry.UpstreamKey())
	failpoint("answered")
	if err == nil {
		sent := resultResponse(result)
		x.complete(w, r, entry, sent)
		failpoint("done")
		sent.send(w)
		return nil
	}
	failed, ok := errors.AsType[*sdk.Error](err)
	switch {
	case !ok:
		// An error that is no *sdk.Error says nothing of the outcome.
		x.logUnsettled(r, x.keepOrRepeat(r.Context(), treatment, entry))
	case isFinal(failed) || failed.Outcome == sdk.OutcomeExecuted && !treatment.SafeToRepeat():
		// It would be the same again, or must not be done again.
		sent, renderErr := problemResponse(apiErrorOf(err), x.id)
		if renderErr != nil {
			return fmt.Errorf("gateway: write problem: %w", renderErr)
		}
		x.complete(w, r, entry, sent)
	case failed.Outcome == sdk.OutcomeNotExecuted:
		x.logUnsettled(r, entry.Abandon(r.Context()))
	default:
		x.logUnsettled(r, x.keepOrRepeat(r.Context(), treatment, entry))
	}
	return err
}

// complete stores the response, and says until when it is kept.
func (x *requestContext) complete(w http.ResponseWriter, r *http.Request, entry *idempotency.Entry, sent response) {
	err := entry.Complete(r.Context(), sent.stored())
	x.logUnsettled(r, err)
	if err == nil {
		w.Header().Set(expiresHeader, entry.Expires().Format(time.RFC3339))
	}
}

// keepOrRepeat settles the record of an effect that may have taken place.
func (x *requestContext) keepOrRepeat(ctx context.Context, treatment sdk.Treatment, entry *idempotency.Entry) error {
	if treatment.SafeToRepeat() {
		return entry.RepeatLater(ctx)
	}
	return entry.KeepUnknown(ctx)
}

// logUnsettled logs a record that could not be settled. The response is sent all
// the same: it is true, and a repeat finds the record pending.
func (x *requestContext) logUnsettled(r *http.Request, err error) {
	if err != nil {
		x.log.ErrorContext(r.Context(), "idempotency record could not be settled", "error", err.Error())
	}
}

// isFinal reports whether a repeat with the same key would fail in the same way.
func isFinal(e *sdk.Error) bool {
	return e.Final && !e.Retryable && e.Code != sdk.CodeCredentials
}

// repeatable reports whether a call may be made again with a key that was
// first used some time ago.
func repeatable(treatment sdk.Treatment, age time.Duration) bool {
	return treatment.SafeToRepeat() && (!treatment.Keyed() || treatment.KeyLifetime == 0 || age < treatment.KeyLifetime)
}

// execute calls the action within the time that a request has.
func (x *requestContext) execute(ctx context.Context, call grantedCall, key string) (sdk.Result, error) {
	a := call.action
	deadline, bounded := time.Now().Add(x.table.RequestTimeout), context.WithDeadline
	if a.For(call.params).Writes {
		// A client that goes away must not leave behind an effect that is not
		// recorded: the call ends by itself or by its deadline.
		bounded = action.Until
	}
	ctx, cancel := bounded(ctx, deadline)
	defer cancel()
	result, err := a.Call(ctx, action.Call{Params: call.params, IdempotencyKey: key, RequestID: x.id}, x.pause)
	if err == nil {
		return result, nil
	}
	failed, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return sdk.Result{}, fmt.Errorf("gateway: call %s.%s: %w", a.Integration(), a.Spec().Name, err)
	}
	return sdk.Result{}, &callError{integration: a.Integration(), err: failed}
}

// shortPause is how long a request may wait with its place.
const shortPause = time.Second

// pause waits before a failed call is repeated. For a long wait, which a vendor asks
// for, the request gives its place up and takes one again: a vendor that is busy must
// not take all of them. If too many wait already, or the gateway stops, or there is no
// place to go on in, the call is not repeated.
func (x *requestContext) pause(ctx context.Context, wait time.Duration) bool {
	if wait <= shortPause {
		return action.Sleep(ctx, wait)
	}
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) <= wait || !x.acquire(x.waiting) {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(x.stopping, cancel)()
	return action.Sleep(ctx, wait) && x.acquire(x.working)
}

// keyOf reads the Idempotency-Key of a request that may change something.
func (x *requestContext) keyOf(r *http.Request) (string, error) {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return "", nil
	}
	key, err := idempotency.ParseKey(r.Header.Values("Idempotency-Key"))
	if err != nil {
		return "", &apiError{code: codeKeyInvalid, detail: "Idempotency-Key: " + err.Error()}
	}
	return key, nil
}

// scope is where the request's key is valid.
func (x *requestContext) scope(r *http.Request, key string) idempotency.Scope {
	return idempotency.Scope{Caller: x.caller.id, Method: r.Method, Path: canonicalPath(x.segments), Key: key}
}

// jsonHeader is that of a result that is JSON. It is shared: nobody changes it.
var jsonHeader = http.Header{"Content-Type": jsonType}

// resultResponse sends an action's result: its bytes, untouched.
func resultResponse(result sdk.Result) response {
	header := jsonHeader
	if result.ContentType != "" {
		header = http.Header{"Content-Type": {result.ContentType}}
	}
	return response{http.StatusOK, header, result.Body}
}

// stored is the response as the ledger keeps it.
func (r response) stored() idempotency.Response {
	return idempotency.Response{Status: r.status, Header: r.header, Body: r.body}
}
