package compile

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// ReconcileFrom returns the list of events that an action of the config returns. What
// finds the action is left to the caller. The error is template.Faults, with JSON
// Pointers into the params.
func ReconcileFrom(from config.ReconcileFrom) (reconcile.From, error) {
	params, err := value.Parse(from.Params.Raw)
	if err != nil {
		return reconcile.From{}, err
	}
	t, err := template.Compile(params, template.Options{Roots: reconcile.FromRoots()})
	if err != nil {
		return reconcile.From{}, err
	}
	list := reconcile.From{Params: t}
	for _, one := range []struct {
		written string
		path    *value.Path
	}{
		{from.Items, &list.Items}, {from.Next, &list.Next}, {from.More, &list.More},
		{from.ID, &list.ID}, {from.Type, &list.Type}, {from.Created, &list.Created}, {from.Payload, &list.Payload},
	} {
		if one.written == "" {
			continue
		}
		if *one.path, _, err = value.ScanPath(one.written, 0); err != nil {
			return reconcile.From{}, err
		}
	}
	return list, nil
}

// checkReconcile makes sure that the events of the i-th webhook can be compared with
// those of its vendor.
func (p *Plan) checkReconcile(w config.Webhook, i int, catalog *action.Catalog) {
	at := indexPointer("/webhooks", i) + "/reconcile"
	if w.Reconcile.Given && w.Provider == provider.Custom && w.Custom.IDHeader == "" {
		p.fault(config.Fault{
			Pos: p.Config.At(at), Message: fmt.Sprintf("webhooks[%d].reconcile: events without an id of their sender's cannot be found in a list: each would be taken in twice", i),
			Hint: `name the header that has the id, "custom": { "idHeader": "…" }`,
		})
		return
	}
	if from := w.Reconcile.From; from.Given {
		p.checkReconcileFrom(from, at+"/from", catalog)
		return
	}
	by, known := p.providers[w.Provider]
	if !w.Reconcile.Given || !known || by.Unpublished || by.ListsEvents {
		return // or the provider is a fault already
	}
	p.fault(config.Fault{
		Pos: p.Config.At(at), Message: fmt.Sprintf("webhooks[%d].reconcile: the provider %q has no list of its events to compare with", i, w.Provider),
		Hint: `name an action that lists them: "from": { "integration": "…", "action": "…" }`,
	})
}

// checkReconcileFrom makes sure that an action lists events.
func (p *Plan) checkReconcileFrom(from config.ReconcileFrom, at string, catalog *action.Catalog) {
	if from.Integration == "" || from.Action == "" {
		return // a fault already
	}
	list, err := ReconcileFrom(from)
	if err != nil {
		p.faultsAt(at+"/params", from.Integration+"."+from.Action, err)
	}
	found, err := catalog.Describe(from.Integration, from.Action)
	if err != nil {
		var e *sdk.Error
		if errors.As(err, &e) && e.Code == sdk.CodeUnknownAction {
			p.fault(config.Fault{Pos: p.Config.At(at + "/action"), Message: e.Message})
		}
		return
	}
	if list.Params == nil {
		return
	}
	for _, ref := range list.Params.Refs() {
		if ref.Root == "cursor" && !ref.Covered {
			p.faultsAt(at+"/params", from.Integration+"."+from.Action, template.Faults{{
				Pointer: ref.Pointer, Offset: ref.Offset, Message: "the first page has no cursor, and could not be asked for", Hint: "write {{cursor?}}, which is left out there",
			}})
		}
	}
	params, err := value.Parse(from.Params.Raw)
	if err != nil {
		return // a fault already
	}
	for _, f := range found.Faults(params, made(list.Params.Refs())) {
		p.fault(config.Fault{Pos: p.Config.At(at + "/params" + f.Pointer), Message: from.Integration + "." + from.Action + ": " + f.Message, Hint: f.Hint})
	}
}
