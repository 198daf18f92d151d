package billing

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// plans are recurring prices, seen as the older type.
func plans() resource.Module {
	return resource.Module{
		Operations: map[string]resource.Operation{
			"PostPlans":       createPlan,
			"GetPlans":        listPlans,
			"GetPlansPlan":    getPlan,
			"PostPlansPlan":   updatePlan,
			"DeletePlansPlan": deletePlan,
		},
	}
}

// planOf is a recurring price as a plan.
func planOf(t *resource.Tx, price resource.Object) resource.Object {
	o := t.Blank(plan)
	resource.Assign(o, price, "id", "active", "billing_scheme", "created", "currency", "metadata", "nickname", "product", "tiers_mode")
	o["amount"], o["amount_decimal"], o["transform_usage"] = price["unit_amount"], price["unit_amount_decimal"], price["transform_quantity"]
	resource.Assign(o, price.Object("recurring"), "aggregate_usage", "interval", "interval_count", "usage_type")
	return o
}

func createPlan(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if refusal := refuse(r.Params, "keep a trial with a plan: give it with the subscription", "trial_period_days"); refusal != nil {
		return nil, refusal
	}
	of := r.Params.Text("product")
	if data := r.Params.Object("product"); data != nil {
		made, refusal := newProduct(t, data)
		if refusal != nil {
			return nil, refusal
		}
		of = made.ID()
	} else if _, refusal := t.Get(product, of, "product"); refusal != nil {
		return nil, refusal
	}
	params := resource.Object{"recurring": resource.Object{}}
	resource.Assign(params, r.Params, "active", "billing_scheme", "currency", "metadata", "nickname", "tiers", "tiers_mode")
	resource.Assign(params.Object("recurring"), r.Params, "interval", "interval_count", "usage_type")
	for name, as := range map[string]string{"amount": "unit_amount", "amount_decimal": "unit_amount_decimal", "transform_usage": "transform_quantity"} {
		if r.Params.Has(name) {
			params[as] = r.Params[name]
		}
	}
	made, refusal := newPrice(t, params, of, "")
	if refusal != nil {
		return nil, refusal
	}
	if id := r.Params.Text("id"); id != "" {
		if _, taken := t.Find(price, id); taken {
			return nil, resource.Invalid("id", "resource_already_exists", "Plan already exists.")
		}
		if kept, ok := t.Find(hidden, made.ID()); ok {
			t.Remove(kept)
			hide(t, id, kept)
		}
		made["id"] = id
	}
	announcePrice(t, made)
	return planOf(t, made), nil
}

// planned returns the recurring price that the path names as a plan.
func planned(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, ok := t.Find(price, r.Subject())
	if !ok || o.Object("recurring") == nil {
		return nil, resource.MissingSubject(plan, r.Subject())
	}
	return o, nil
}

func getPlan(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := planned(t, r)
	if refusal != nil {
		return nil, refusal
	}
	return planOf(t, o), nil
}

func listPlans(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(price, r, "active", "product")
	keep := f.Keep
	f.Keep = func(o resource.Object) bool { return o.Object("recurring") != nil && (keep == nil || keep(o)) }
	list, refusal := t.List(r, f)
	if refusal != nil {
		return nil, refusal
	}
	data := []any{}
	for _, one := range list.Objects("data") {
		data = append(data, planOf(t, one))
	}
	list["data"] = data
	return list, nil
}

func updatePlan(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := planned(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := refuse(r.Params, "keep a trial with a plan: give it with the subscription", "trial_period_days"); refusal != nil {
		return nil, refusal
	}
	if of := r.Params.Text("product"); of != "" {
		if _, refusal := t.Get(product, of, "product"); refusal != nil {
			return nil, refusal
		}
	}
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, "active", "nickname", "product"); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("plan.updated", planOf(t, before), planOf(t, o))
	t.EmitUpdate("price.updated", before, o)
	return planOf(t, o), nil
}

func deletePlan(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := planned(t, r)
	if refusal != nil {
		return nil, refusal
	}
	shown := planOf(t, o)
	t.Remove(o)
	t.Emit("plan.deleted", shown)
	t.Emit("price.deleted", o)
	return resource.Object{"id": o.ID(), "object": plan, "deleted": true}, nil
}
