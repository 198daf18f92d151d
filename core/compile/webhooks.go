package compile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/notice"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// WebhookFilter returns the filter of a webhook, nil where it has none. The error is
// template.Faults.
func WebhookFilter(w config.Webhook) (*webhook.Filter, error) {
	switch {
	case w.Filter.Condition != "":
		return webhook.FilterCondition(w.Filter.Condition)
	case w.Filter.Types != nil:
		return webhook.FilterTypes(w.Filter.Types), nil
	default:
		return nil, nil
	}
}

// checkOwnWebhook makes sure that a webhook of the gateway's own events can receive
// what its filter names.
func (p *Plan) checkOwnWebhook(w config.Webhook, i int) {
	known := make([]string, len(notice.Types))
	for i, t := range notice.Types {
		known[i] = string(t)
	}
	for j, pattern := range w.Filter.Types {
		if filter := webhook.FilterTypes([]string{pattern}); !slices.ContainsFunc(known, filter.MayPass) {
			p.fault(config.Fault{
				Pos:     p.Config.At(fmt.Sprintf("%s/filter/%d", indexPointer("/webhooks", i), j)),
				Message: fmt.Sprintf("webhooks[%d].filter[%d]: the gateway has no events %q", i, j, pattern),
				Hint:    suggest.Hint(pattern, known),
			})
		}
	}
}

// checkEventPaths reports what is read of an event, before it has a run, and is not there.
// Key is the key of the webhook that reads it.
func (p *Plan) checkEventPaths(i int, key string, refs []template.Ref) {
	for _, ref := range refs {
		if ref.Root != "event" || len(ref.Path) == 0 {
			continue
		}
		found, rest := shapes{}.root(ref)
		if _, presence := found.step(rest[0]); presence == schema.Impossible && !ref.Covered {
			p.fault(config.Fault{
				Pos:     p.Config.At(indexPointer("/webhooks", i) + "/" + key),
				Message: fmt.Sprintf("webhooks[%d].%s: %s", i, key, absence(ref.Root, rest[0], found)),
				Hint:    near(rest[0], found.names()),
			})
		}
	}
}

// WebhookRespond returns the response to the events of a webhook, nil where the config
// gives none. The error is template.Faults.
func WebhookRespond(w config.Webhook) (*webhook.Respond, error) {
	if !w.Respond.Given {
		return nil, nil
	}
	options := webhook.RespondOptions{Status: w.Respond.Status, Type: w.Respond.Type, NoBody: w.Respond.Body.Node == nil}
	if !options.NoBody {
		body, err := value.Parse(w.Respond.Body.Raw)
		if err != nil {
			return nil, template.Faults{{Pointer: "/body", Message: err.Error()}}
		}
		options.Body = body
	}
	return webhook.NewRespond(options)
}

// faultsAt gives the faults of a template or condition the place of the value that it
// was read from, which a JSON Pointer into the config names. What is how messages call
// the value.
func (p *Plan) faultsAt(at, what string, err error) {
	var faults template.Faults
	if !errors.As(err, &faults) {
		p.fault(config.Fault{Pos: p.Config.At(at), Message: fmt.Sprintf("%s: %v", what, err)})
		return
	}
	for _, f := range faults {
		p.fault(config.Fault{Pos: p.Config.At(at + f.Pointer), Message: what + ": " + f.Message, Hint: f.Hint})
	}
}
