package main

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
)

// fetchAction is the action that fetches what an event is about.
const fetchAction = "fetchEventObject"

// fetchSchema describes the params of fetchEventObject.
var fetchSchema = stdjson.RawMessage(`{
"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,
"required":["event"],
"properties":{
"event":{"description":"An event, as a webhook has it: a snapshot, or a thin one.","type":"object"},
"type":{"description":"The type of the event: it says which right a key needs, and changes nothing else.","type":"string","maxLength":255}
}}`)

// happened is an event, as far as it says what it is about.
type happened struct {
	Object   string `json:"object"`
	Livemode *bool  `json:"livemode"`
	// Account is that of a connected account's event, Context that of a thin event.
	Account string `json:"account"`
	Context string `json:"context"`
	Data    struct {
		Object stdjson.RawMessage `json:"object"`
	} `json:"data"`
	RelatedObject *struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	} `json:"related_object"`
}

// thinObject is the "object" of a thin event.
const thinObject = "v2.core.event"

// null is the result for an event that is about nothing that can be read on its own.
var null = stdjson.RawMessage("null")

// fetchObject returns the object of an event as it is now.
func (p *plugin) fetchObject(ctx context.Context, given stdjson.RawMessage) (stdjson.RawMessage, error) {
	if p.client == nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "stripe is not configured")
	}
	var params struct {
		Event stdjson.RawMessage `json:"event"`
	}
	var event happened
	err := json.Unmarshal(given, &params)
	if err == nil {
		err = json.Unmarshal(params.Event, &event)
	}
	if err != nil {
		return nil, notAnEvent("/event", "is not an event of Stripe's")
	}
	if p.live != nil && event.Livemode != nil && *p.live != *event.Livemode {
		// With this key it would look as if the object had been deleted.
		return nil, sdk.Refuse(sdk.CodeRejected, "stripe: the event is of %s, and the key is for %s", mode(*event.Livemode), mode(*p.live))
	}
	request := api.Request{Method: http.MethodGet, Version: p.version}
	if event.Object == thinObject {
		return p.fetchRelated(ctx, event, request)
	}
	if event.Account != "" && !accountPattern.MatchString(event.Account) {
		return nil, notAnEvent("/event/account", "is not an account of Stripe's")
	}
	request.Account = event.Account
	return p.fetchSnapshot(ctx, event.Data.Object, request)
}

func notAnEvent(pointer, message string) *sdk.Error {
	refused := sdk.Refuse(sdk.CodeInvalidParams, "stripe: %s %s", pointer, message)
	refused.Faults = []sdk.Fault{{Pointer: pointer, Message: message}}
	return refused
}

func mode(live bool) string {
	if live {
		return "live mode"
	}
	return "test mode"
}

var (
	accountPattern = regexp.MustCompile(`^acct_[A-Za-z0-9_]{1,250}$`)
	contextPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)
	// relatedPattern is a path of Stripe's API. Ids and names there have nothing that
	// could be read otherwise than it is written: no percent sign, no query, no dot but
	// between other characters.
	relatedPattern = regexp.MustCompile(`^/v[12](/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)+$`)
)

// maxPath bounds the path of a related object, and the context of an event, in bytes.
const maxPath = 1024

// fetchRelated reads the object that a thin event names by its path, as the account that
// its context names (https://docs.stripe.com/event-destinations#fetch-related-object).
func (p *plugin) fetchRelated(ctx context.Context, event happened, request api.Request) (stdjson.RawMessage, error) {
	related := event.RelatedObject
	switch {
	case related == nil || related.URL == "":
		return null, nil
	case len(related.URL) > maxPath || !relatedPattern.MatchString(related.URL):
		return nil, notAnEvent("/event/related_object/url", "is not a path of Stripe's API")
	case event.Context != "" && (len(event.Context) > maxPath || !contextPattern.MatchString(event.Context)):
		return nil, notAnEvent("/event/context", "is not a context of Stripe's")
	case strings.HasPrefix(related.URL, "/v2/") && !p.listsThin():
		return nil, sdk.Refuse(sdk.CodeRejected,
			"stripe: objects of /v2 are read from the API version %s on, and this is %s: name a description of a newer one in credentials.stripe.apiDescription", firstThin, p.speaks())
	}
	request.Path, request.Context = related.URL, event.Context
	return p.fetched(ctx, request, related.ID)
}

// fetchSnapshot reads the object that a snapshot shows. It is read by the operation of
// the description that returns objects of its type by their id, or by what else in the
// object the path names: a person has its account. The first one that all of its path is
// known of is asked.
func (p *plugin) fetchSnapshot(ctx context.Context, object stdjson.RawMessage, request api.Request) (stdjson.RawMessage, error) {
	var members map[string]stdjson.RawMessage
	if len(object) == 0 || json.Unmarshal(object, &members) != nil {
		return nil, notAnEvent("/event/data/object", "is not an object of Stripe's")
	}
	text := func(name string) string {
		var value string
		if json.Unmarshal(members[name], &value) != nil {
			return ""
		}
		return value
	}
	named := func(name string) string {
		if found := text(name); found != "" || name != "account" {
			return found
		}
		return request.Account
	}
	description, err := p.description()
	if err != nil {
		return nil, err
	}
	getters, err := description.Getters(text("object"))
	if err != nil {
		return nil, sdk.Refuse(sdk.CodeInternal, "stripe: the description of the API: %v", err)
	}
	for _, getter := range getters {
		path, ok := pathOf(getter, named)
		if !ok {
			continue
		}
		request.Path = path
		return p.fetched(ctx, request, text("id"))
	}
	return null, nil
}

// pathOf returns where an operation reads an object, if the object says all that the
// path needs. What is not read by an id is the only one of its kind.
func pathOf(getter *openapi.Operation, text func(string) string) (path string, ok bool) {
	names := getter.PathNames()
	if len(names) == 0 && text("id") != "" {
		return "", false
	}
	path, err := api.Path(getter.Path(), func(name string) string {
		if getter.ByID() && name == names[len(names)-1] {
			return text("id")
		}
		return text(name)
	})
	return path, err == nil
}

// fetched reads an object that has or had an id. One that is gone is said to be deleted,
// also where another one has taken its place.
func (p *plugin) fetched(ctx context.Context, request api.Request, id string) (stdjson.RawMessage, error) {
	result, err := p.client.Do(ctx, request)
	if isGone(err) {
		return deleted(id), nil
	}
	if err != nil {
		return nil, err
	}
	var found struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(result.Body, &found) == nil && id != "" && found.ID != "" && found.ID != id {
		return deleted(id), nil
	}
	return result.Body, nil
}

// deleted is the value of an object that is gone.
func deleted(id string) stdjson.RawMessage {
	quoted, err := stdjson.Marshal(id)
	if err != nil || id == "" {
		quoted = null
	}
	return slices.Concat([]byte(`{"deleted":true,"id":`), bytes.TrimSpace(quoted), []byte("}"))
}

// isGone reports whether Stripe says that there is no such object. A path that it does
// not know has no such code (https://docs.stripe.com/error-codes).
func isGone(err error) bool {
	var failure *sdk.Error
	if !errors.As(err, &failure) || failure.Code != sdk.CodeNotFound {
		return false
	}
	var details struct {
		Code string `json:"code"`
	}
	return json.Unmarshal(failure.Details, &details) == nil && (details.Code == "resource_missing" || details.Code == "not_found")
}
