package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/value"
)

// Rights are what a key of a vendor's has to be allowed, for what the config does with
// an integration, and lets others do.
type Rights struct {
	// Needed are in the order of their names.
	Needed []Right
	// Open are the calls of which it cannot be told, in the order of the config.
	Open []Use
}

// Right is a right that a key needs.
type Right struct {
	// Name is as the integration says it, such as "PaymentIntents: Write".
	Name string
	// Uses are what needs it, in the order of the config.
	Uses []Use
}

// Use is a place of the config that calls an action, or lets callers do so.
type Use struct {
	Pos config.Pos
	// What says who calls which action, such as: workflow "order", step "pay":
	// createPaymentIntent.
	What string
}

// Rights asks the plugins that the config names for their manifests, and returns what
// an integration needs to be allowed at its vendor. No plugin is handed any credential.
// These count: the steps of workflows and of webhooks, with all inner ones, and what
// the scopes of tokens grant. An error is that of a config with faults, or of an
// integration that says nothing of rights.
func (p *Plan) Rights(ctx context.Context, launcher plugin.Launcher, integration string) (Rights, error) {
	catalog := p.publish(ctx, launcher, integration)
	p.check(catalog)
	if err := p.Err(); err != nil {
		return Rights{}, err
	}
	return p.rights(catalog, integration)
}

// rights is Rights of a config that was checked against what integrations publish.
func (p *Plan) rights(catalog *action.Catalog, integration string) (Rights, error) {
	manifest := catalog.Manifest(integration)
	switch {
	case manifest == nil:
		_, err := catalog.Describe(integration, "")
		return Rights{}, err
	case !slices.ContainsFunc(manifest.Actions, saysRights):
		return Rights{}, fmt.Errorf("integration %q says nothing of the rights that its actions need", integration)
	}
	r := rightsFinder{integration: integration, needed: make(map[string][]Use)}
	for _, d := range p.Definitions {
		d.Walk(func(step *workflow.Step) {
			if step.Action == action.FetchEvent && step.Integration == integration {
				found, err := catalog.Describe(integration, step.Action)
				if err == nil { // else a fault already
					use := Use{Pos: d.Source.Fault(step.Pointer, "", "").Pos, What: fmt.Sprintf("%s, step %q: %s", owner(d), step.ID, found.Spec().Name)}
					r.fetch(p, d, use, found.Spec(), manifest.Webhook.EventTypes)
				}
				return
			}
			r.step(d, step, catalog)
		})
	}
	for _, w := range p.Config.Webhooks {
		r.list(w, catalog)
	}
	for i, token := range p.Config.Auth.Tokens {
		for j, scope := range token.Scopes {
			at := Use{Pos: p.Config.At(fmt.Sprintf("/auth/tokens/%d/scopes/%d", i, j)), What: fmt.Sprintf("token %q, scope %s", token.Name, scope)}
			for k := range manifest.Actions {
				if spec := &manifest.Actions[k]; grants(scope, integration, spec) {
					r.scope(at, spec)
				}
			}
		}
	}
	return r.result(), nil
}

// saysRights reports whether a manifest says of an action which rights a call needs.
func saysRights(spec sdk.ActionSpec) bool {
	return len(spec.Permissions) > 0 || slices.ContainsFunc(spec.Variants, func(v sdk.Variant) bool { return len(v.Permissions) > 0 })
}

// rightsFinder collects what needs which right.
type rightsFinder struct {
	integration string
	needed      map[string][]Use // by the name of the right
	open        []Use
}

// step notes what a step needs.
func (r *rightsFinder) step(d Definition, step *workflow.Step, catalog *action.Catalog) {
	if step.Integration != r.integration {
		return
	}
	found, err := catalog.Describe(step.Integration, step.Action)
	if err != nil || step.Params == nil {
		return // a fault already
	}
	use := Use{Pos: d.Source.Fault(step.Pointer, "", "").Pos, What: fmt.Sprintf("%s, step %q: %s", owner(d), step.ID, step.Action)}
	open := made(step.Params.Refs())
	r.call(d, use, found.Spec(), step.Pointer+"/params", step.Source, open)
	calls, _ := found.Inner(step.Source, open) // what is wrong with them is a fault already
	for _, c := range calls {
		at, spec := pointer.Join(c.Pointer, "params"), c.Action.Spec()
		inner := Use{Pos: d.Source.Fault(step.Pointer+"/params"+c.Pointer, "", "").Pos, What: use.What + ", " + spec.Name}
		r.call(d, inner, spec, step.Pointer+"/params"+at, c.Params, func(place string) bool { return open(at + place) })
	}
}

// call notes what a call with params needs that stand at a pointer of the definition. Open
// says which pointers in them are made from data.
func (r *rightsFinder) call(d Definition, use Use, spec *sdk.ActionSpec, at string, source any, open func(pointer string) bool) {
	for _, variant := range spec.Variants {
		if place := pointer.Join("", variant.Param); open(place) {
			r.open = append(r.open, Use{
				Pos:  d.Source.Fault(at+place, "", "").Pos,
				What: use.What + ", whose " + variant.Param + " is made from data",
			})
			return
		}
	}
	params, err := value.Marshal(source)
	if err != nil {
		return // it was read from the config
	}
	r.note(use, spec, spec.For(params))
}

// list notes what the list of events needs that a webhook is compared with.
func (r *rightsFinder) list(w config.Webhook, catalog *action.Catalog) {
	from := w.Reconcile.From
	if from.Integration != r.integration {
		return
	}
	if found, err := catalog.Describe(from.Integration, from.Action); err == nil {
		use := Use{Pos: w.At("/reconcile/from/action"), What: fmt.Sprintf("webhook %q, reconcile: %s", w.Name, from.Action)}
		r.note(use, found.Spec(), found.Spec().For(from.Params.Raw))
	}
}

// owner names the workflow or the webhook that a step is part of.
func owner(d Definition) string {
	if name, isWebhook := strings.CutPrefix(d.ID, event.WorkflowID("")); isWebhook {
		return fmt.Sprintf("webhook %q", name)
	}
	return fmt.Sprintf("workflow %q", d.ID)
}

// grants reports whether a scope lets call the action.
func grants(scope access.Scope, integration string, spec *sdk.ActionSpec) bool {
	permission := []string{"integrations", integration, spec.Name}
	if spec.ByName {
		return scope.GrantsByName(permission...)
	}
	return scope.Grants(permission...)
}

// scope notes what a scope of a token lets its holder do.
func (r *rightsFinder) scope(at Use, spec *sdk.ActionSpec) {
	at.What += ": " + spec.Name
	if len(spec.Variants) > 0 {
		at.What += ", whose " + spec.Variants[0].Param + " the caller chooses"
		r.open = append(r.open, at)
		return
	}
	r.note(at, spec, sdk.Treatment{Permissions: spec.Permissions})
}

// note notes what a call needs that is treated so.
func (r *rightsFinder) note(use Use, spec *sdk.ActionSpec, treatment sdk.Treatment) {
	for _, right := range treatment.Permissions {
		r.needed[right] = append(r.needed[right], use)
	}
	if len(treatment.Permissions) == 0 && len(spec.Variants) > 0 {
		use.What += ", of which the integration knows no right"
		r.open = append(r.open, use)
	}
}

// result returns what was noted. Of what is needed to read and to write only the second
// remains, with the uses of both.
func (r *rightsFinder) result() Rights {
	result := Rights{Open: r.open}
	for _, name := range slices.Sorted(maps.Keys(r.needed)) {
		uses := r.needed[name]
		if of, reads := strings.CutSuffix(name, ": Read"); reads {
			if written, writes := r.needed[of+": Write"]; writes {
				r.needed[of+": Write"] = append(uses, written...)
				continue
			}
		}
		result.Needed = append(result.Needed, Right{Name: name, Uses: uses})
	}
	return result
}
