package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/backflow/backflow/plugins/stripe/internal/catalog"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// named is a named action and the operations that it is made of.
type named struct {
	catalog.Action
	operation *openapi.Operation
	// update is the operation that writes metadata before, nil where none does.
	update *openapi.Operation
}

// namedActions returns the named actions by their names.
var namedActions = sync.OnceValue(func() map[string]*named {
	actions := make(map[string]*named)
	for _, action := range catalog.Actions() {
		made := &named{Action: action, operation: openapi.FormOperation(action.Operation, action.Method, action.Path, action.Paged)}
		if action.Update != "" {
			made.update = openapi.FormOperation("", http.MethodPost, action.Update, false)
		}
		actions[action.Name] = made
	}
	return actions
})

// do runs a named action.
func (p *plugin) do(ctx context.Context, action *named, given json.RawMessage) (json.RawMessage, error) {
	request, err := p.newRequest(ctx, given)
	if err != nil {
		return nil, err
	}
	timeout, err := request.options()
	if err != nil {
		return nil, invalid(err)
	}
	result, err := request.run(ctx, timeout, func(ctx context.Context) (sdk.Result, error) {
		if err := request.takeID(action); err != nil {
			return sdk.Result{}, err
		}
		if action.Metadata == catalog.OptionIgnored {
			request.params.Take("metadata")
		}
		if action.Expand == catalog.OptionIgnored {
			request.params.Take("expand")
		}
		// Two do more than their operation.
		switch action.Name {
		case "createSubscription":
			return createSubscription(ctx, request, action)
		case "cancelSubscription":
			return cancelSubscription(ctx, request, action)
		}
		return request.act(ctx, action)
	})
	return result.Body, err
}

// takeID takes the id of the object that the action is about. Stripe calls it by the
// name that its own paths have for it, or just "id".
func (r *request) takeID(action *named) error {
	if action.ID == "" {
		return nil
	}
	r.standsFor(action.ID, "id", action.PathID)
	id, err := r.takeString(action.ID)
	if err != nil {
		return err
	}
	r.ids = map[string]string{action.PathID: id}
	return nil
}

// act sends the action's operation, and before it, where the operation itself takes
// none, the metadata.
func (r *request) act(ctx context.Context, action *named) (sdk.Result, error) {
	if action.Metadata != catalog.OptionBefore {
		return r.sendNamed(ctx, action)
	}
	metadata := r.params.Take("metadata")
	if metadata == nil {
		return r.sendNamed(ctx, action)
	}
	update := &form.Params{}
	update.Set("metadata", metadata)
	before := *r
	before.ids = map[string]string{catalog.PathID(action.Update): r.ids[action.PathID]}
	if _, err := before.send(ctx, action.update, update, metadataKey(r.key)); err != nil {
		return sdk.Result{}, err
	}
	result, err := r.sendNamed(ctx, action)
	if refused := failure(err); refused != nil && action.Repeat() == sdk.RepeatIdempotent {
		// The metadata is written, so not nothing was done. Where the key is what makes
		// a repeat safe, a refusal stays definite: the next try, with a key of its own,
		// writes the same metadata.
		refused.Outcome = sdk.OutcomeUnknown
	}
	return result, err
}

// Repeat says how Stripe treats a second request with the same key, empty for one that
// reads. It honours no key on a DELETE; what is gone stays gone.
func (n *named) Repeat() sdk.Repeat {
	switch n.Method {
	case http.MethodPost:
		return sdk.RepeatNative
	case http.MethodDelete:
		return sdk.RepeatIdempotent
	}
	return ""
}

// sendNamed sends the action's operation with the params that are left. Where the
// config gives a description, that is the one that counts.
func (r *request) sendNamed(ctx context.Context, action *named) (sdk.Result, error) {
	if r.given == nil {
		return r.perform(ctx, action.operation)
	}
	operation, err := r.givenOperation(action)
	if err != nil {
		return sdk.Result{}, err
	}
	return r.perform(ctx, operation)
}

// givenOperation returns the action's operation as the description of the config has
// it, and holds the params against it: the gateway knows those of the version that
// the plugin was built with.
func (r *request) givenOperation(action *named) (*openapi.Operation, error) {
	operation := r.given.Operation(action.Operation)
	if operation == nil {
		return nil, sdk.Refuse(sdk.CodeRejected, "stripe: the description of %s in apiDescription has no operation %s, which %s is", r.given.Version(), action.Operation, action.Name)
	}
	if operation.Path() != action.Path {
		return nil, sdk.Refuse(sdk.CodeRejected, "stripe: %s is %s in the description of %s in apiDescription; %s needs %s", action.Operation, operation.Path(), r.given.Version(), action.Name, action.Path)
	}
	return operation, r.check(operation)
}

// check holds the params of a request, with the ids of its path, against an operation.
func (r *request) check(operation *openapi.Operation) error {
	takes, err := operation.Params()
	if err != nil {
		return sdk.Refuse(sdk.CodeRejected, "stripe: %v", err)
	}
	all := r.params.Clone()
	for name, id := range r.ids {
		raw, err := json.Marshal(id)
		if err != nil {
			return fmt.Errorf("write the id: %w", err)
		}
		all.Set(name, raw)
	}
	return checkParams(operation, takes, all.Object())
}

// checkParams holds params against what an operation takes.
func checkParams(operation *openapi.Operation, takes *openapi.Params, params json.RawMessage) error {
	document, err := value.Parse(params)
	if err != nil {
		return &form.Fault{Message: err.Error()}
	}
	faults, err := takes.Faults(document)
	if err != nil {
		return sdk.Refuse(sdk.CodeRejected, "stripe: the description of %s cannot be used: %v", operation.ID(), err)
	}
	if len(faults) > 0 {
		return refused(operation, faults)
	}
	return nil
}

// metadataKey is the idempotency key of the first of two requests. Stripe takes a key
// for one request only.
func metadataKey(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("metadata\x00" + key))
	return hex.EncodeToString(sum[:])
}
