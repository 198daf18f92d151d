package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
)

// request is one action under way: its params, of which an action takes out
// what is not sent to Stripe as a field.
type request struct {
	client  *api.Client
	params  *form.Params
	key     string
	account string
	// places are those of params that Stripe knows under another name.
	places []place
}

// options takes what every action has beside Stripe's parameters, and returns
// the time limit, zero if none exists.
func (r *request) options() (time.Duration, error) {
	account, err := r.takeString("stripeAccount")
	if err != nil {
		return 0, err
	}
	r.account = account
	r.standsFor("stripeAccount", "stripe_account")
	text, err := r.takeString("timeout")
	if err != nil || text == "" {
		return 0, err
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout <= 0 {
		return 0, &form.Fault{Pointer: "/timeout", Message: "is not a duration above zero, such as 10s"}
	}
	return timeout, nil
}

func (r *request) takeString(name string) (string, error) {
	raw := r.params.Take(name)
	if raw == nil {
		return "", nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", &form.Fault{Pointer: "/" + name, Message: "is not a string"}
	}
	return text, nil
}

// takeID takes the id in a param, as the path of an object of a collection. Stripe
// calls it by the name that its own paths have for it, or just "id".
func (r *request) takeID(collection, name, stripes string) (string, error) {
	r.standsFor(name, "id", stripes)
	id, err := r.takeString(name)
	if err != nil {
		return "", err
	}
	return api.Path("/v1/"+collection+"/{"+name+"}", func(string) string { return id })
}

// send sends the params that are left.
func (r *request) send(ctx context.Context, method, path string) ([]byte, error) {
	fields, err := r.params.Encode()
	if err != nil {
		return nil, err
	}
	return r.sendFields(ctx, method, path, r.key, fields)
}

func (r *request) sendFields(ctx context.Context, method, path, key string, fields []form.Field) ([]byte, error) {
	sent := api.Request{Method: method, Path: path, IdempotencyKey: key, Account: r.account}
	if method == http.MethodGet {
		sent.Query = fields
	} else {
		sent.Body = api.Form(fields)
	}
	result, err := r.client.Do(ctx, sent)
	return result.Body, err
}

// expansions are the fields that say which parts of a response to expand.
func (r *request) expansions() ([]form.Field, error) {
	fields, err := r.params.Encode()
	if err != nil {
		return nil, err
	}
	var expand []form.Field
	for _, field := range fields {
		if strings.HasPrefix(field.Name, "expand[") {
			expand = append(expand, field)
		}
	}
	return expand, nil
}

// failure returns the error of a call to Stripe, nil if err is none.
func failure(err error) *sdk.Error {
	var refused *sdk.Error
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}
