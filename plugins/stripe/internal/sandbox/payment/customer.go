package payment

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// Customer is the type of customers.
const Customer = "customer"

// SeedCustomer is the customer that the sandbox begins with.
const SeedCustomer = "cus_123"

func customers() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Customer: "cus"},
		Operations: map[string]resource.Operation{
			"PostCustomers":           createCustomer,
			"GetCustomers":            listCustomers,
			"GetCustomersSearch":      resource.Searcher(Customer, resource.SearchFields{"created": resource.NumericField, "email": resource.StringField, "name": resource.StringField, "phone": resource.StringField}),
			"GetCustomersCustomer":    getCustomer,
			"PostCustomersCustomer":   updateCustomer,
			"DeleteCustomersCustomer": deleteCustomer,
		},
		Seed: func(t *resource.Tx) {
			o := t.New(Customer)
			o["id"], o["email"], o["name"] = SeedCustomer, "customer@example.com", "John Doe"
			t.Put(o)
		},
	}
}

// customerFields are copied from the params as they are.
var customerFields = []string{"address", "balance", "description", "email", "name", "phone", "preferred_locales", "shipping", "tax_exempt"}

func createCustomer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if clock := r.Params.Text("test_clock"); clock != "" {
		if _, refusal := t.Get(resource.TestClock, clock, "test_clock"); refusal != nil {
			return nil, refusal
		}
		t.On(clock)
	}
	o := t.New(Customer)
	if t.Clock() != "" {
		o["test_clock"] = t.Clock()
	}
	o["invoice_prefix"] = resource.InvoicePrefix()
	if refusal := applyCustomer(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("customer.created", o)
	return o, nil
}

// applyCustomer copies params to a customer.
func applyCustomer(_ *resource.Tx, o, params resource.Object) *resource.Refusal {
	settings := o.Object("invoice_settings")
	given := params.Object("invoice_settings")
	resource.Assign(settings, given, "custom_fields", "default_payment_method", "footer", "rendering_options")
	o["invoice_settings"] = settings
	return resource.Update(o, params, customerFields...)
}

func listCustomers(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	return t.List(r, resource.ByParams(Customer, r, "email", "test_clock"))
}

// getCustomer shows deleted customers, too.
func getCustomer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if o, ok := t.Find(Customer, r.Subject()); ok && o.Bool("deleted") {
		return o, nil
	}
	return t.Subject(r, Customer)
}

func updateCustomer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Customer)
	if refusal != nil {
		return nil, refusal
	}
	t.On(o.Text("test_clock"))
	before := o.Clone()
	if refusal := applyCustomer(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("customer.updated", before, o)
	return o, nil
}

func deleteCustomer(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, Customer)
	if refusal != nil {
		return nil, refusal
	}
	t.On(o.Text("test_clock"))
	rest := t.Bury(o)
	t.Emit("customer.deleted", o)
	return rest, nil
}
