package payment

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// SeedCustomer and SeedMethod are the customer that the sandbox begins with, and the
// payment method that is its default.
const (
	SeedCustomer = "cus_123"
	SeedMethod   = "pm_123"
)

func customers() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Customer: "cus"},
		Operations: map[string]resource.Operation{
			"GetCustomers": resource.Lister(Customer, "email", "test_clock"),
			"GetCustomersSearch": resource.Searcher(Customer, resource.SearchFields{
				"created": resource.NumericField, "email": resource.StringField, "name": resource.StringField, "phone": resource.StringField,
			}),
			"GetCustomersCustomer":    getCustomer,
			"DeleteCustomersCustomer": deleteCustomer,
		},
		Seed: seedCustomer,
	}
}

func seedCustomer(t *resource.Tx) {
	o := t.New(Customer)
	o["id"], o["email"], o["name"] = SeedCustomer, "customer@example.com", "John Doe"
	o["invoice_prefix"] = invoicePrefix()
	visa, _ := cardNamed("pm_card_visa")
	method := newMethod(t, visa)
	t.Remove(method)
	method["id"], method["customer"] = SeedMethod, SeedCustomer
	t.Put(method)
	markSetUp(t, SeedMethod)
	o.Object("invoice_settings")["default_payment_method"] = SeedMethod
	t.Put(o)
}

// invoicePrefix returns a new random prefix of invoice numbers.
func invoicePrefix() string { return strings.ToUpper(random.Text(8)) }

// customerFields are copied from the params as they are.
var customerFields = []string{
	"address", "balance", "description", "email", "invoice_prefix", "name", "next_invoice_sequence", "phone", "preferred_locales", "shipping", "tax_exempt",
}

// CreateCustomer is the operation that makes a customer, without the discount that may
// be asked for: that is the area of billing, which completes it.
func CreateCustomer(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if clock := r.Params.Text("test_clock"); clock != "" {
		if _, refusal := t.Get(resource.TestClock, clock, "test_clock"); refusal != nil {
			return nil, refusal
		}
		t.On(clock)
	}
	o := t.New(Customer)
	o["invoice_prefix"], o["tax_exempt"] = invoicePrefix(), "none"
	o["preferred_locales"], o["delinquent"] = []any{}, false
	if t.Clock() != "" {
		o["test_clock"] = t.Clock()
	}
	if refusal := resource.Update(o, r.Params, customerFields...); refusal != nil {
		return nil, refusal
	}
	var attached Object
	if r.Params.Set("payment_method") {
		method, refusal := methodOf(t, r.Params.Text("payment_method"), "payment_method")
		if refusal == nil {
			refusal = usable(t, method, o.ID())
		}
		if refusal != nil {
			return nil, refusal
		}
		method["customer"] = o.ID()
		t.Put(method)
		attached = method
		// A test id names the same new one in both places.
		if given := r.Params.Object("invoice_settings"); given.Text("default_payment_method") == r.Params.Text("payment_method") {
			given["default_payment_method"] = method.ID()
		}
	}
	if refusal := applySource(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	if refusal := applySettings(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.Emit("customer.created", o)
	if attached != nil {
		t.Emit("payment_method.attached", attached)
	}
	return o, nil
}

// applySource makes the card of a token the customer's default.
func applySource(t *resource.Tx, o, params Object) *Refusal {
	if token := params.Text("source"); token != "" {
		made, refusal := addCard(t, o, token, "source")
		if refusal != nil {
			return refusal
		}
		o["default_source"] = made.ID()
	}
	if id := params.Text("default_source"); id != "" {
		made, refusal := t.Get(Card, id, "default_source")
		if refusal != nil || made.Text("customer") != o.ID() {
			return resource.Missing("source", id, "default_source")
		}
		o["default_source"] = id
	}
	return nil
}

// applySettings sets the customer's invoice settings. The default payment method has to
// be one of the customer's.
func applySettings(t *resource.Tx, o, params Object) *Refusal {
	given := params.Object("invoice_settings")
	if given == nil {
		return nil
	}
	if id := given.Text("default_payment_method"); id != "" {
		if refusal := AttachedTo(t, id, o.ID(), "invoice_settings[default_payment_method]"); refusal != nil {
			return refusal
		}
	}
	resource.Assign(o.Object("invoice_settings"), given, "custom_fields", "default_payment_method", "footer", "rendering_options")
	return nil
}

// getCustomer shows deleted customers, too.
func getCustomer(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if o, ok := t.Find(Customer, r.Subject()); ok {
		return o, nil
	}
	return t.Subject(r, Customer)
}

// UpdateCustomer is the operation that changes a customer, without its discount.
func UpdateCustomer(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Customer)
	if refusal != nil {
		return nil, refusal
	}
	t.On(o.Text("test_clock"))
	before := o.Clone()
	if refusal := resource.Update(o, r.Params, customerFields...); refusal != nil {
		return nil, refusal
	}
	if refusal := applySource(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	if refusal := applySettings(t, o, r.Params); refusal != nil {
		return nil, refusal
	}
	t.Put(o)
	t.EmitUpdate("customer.updated", before, o)
	return o, nil
}

func deleteCustomer(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := t.Subject(r, Customer)
	if refusal != nil {
		return nil, refusal
	}
	t.On(o.Text("test_clock"))
	for _, method := range t.All(resource.Filter{Kind: PaymentMethod, Equal: map[string]string{"customer": o.ID()}}) {
		method["customer"] = nil
		t.Put(method)
		t.Put(Object{"id": method.ID(), "object": usedUp})
	}
	rest := t.Bury(o)
	t.Emit("customer.deleted", o)
	return rest, nil
}
