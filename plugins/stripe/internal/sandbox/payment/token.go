package payment

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Tokens and cards are the older way to pay, before payment methods.

func tokens() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Token: "tok", Card: "card"},
		Operations: map[string]resource.Operation{
			"PostTokens":                       createToken,
			"GetTokensToken":                   getToken,
			"PostCustomersCustomerSources":     addSource,
			"GetCustomersCustomerSources":      listSources,
			"GetCustomersCustomerSourcesId":    getSource,
			"DeleteCustomersCustomerSourcesId": deleteSource,
			"PostCustomersCustomerCards":       addSource,
			"GetCustomersCustomerCards":        listSources,
			"GetCustomersCustomerCardsId":      getSource,
			"DeleteCustomersCustomerCardsId":   deleteSource,
		},
		Includes: map[string]resource.Include{
			"customer.sources": func(t *resource.Tx, o Object) any {
				return t.Sublist(sourcesOf(o.ID()), resource.URL("customers", o.ID(), "sources"))
			},
		},
	}
}

// brandName is how cards of the older API name a brand.
func brandName(brand string) string {
	switch brand {
	case "visa":
		return "Visa"
	case "mastercard":
		return "MasterCard"
	case "amex":
		return "American Express"
	case "discover":
		return "Discover"
	case "diners":
		return "Diners Club"
	case "jcb":
		return "JCB"
	case "unionpay":
		return "UnionPay"
	}
	return "Unknown"
}

// fillCard makes the fields of a card of the older API.
func fillCard(t *resource.Tx, o Object, c card) Object {
	o["brand"], o["country"], o["funding"], o["last4"] = brandName(c.brand), c.country, c.funding, c.last4()
	o["fingerprint"], o["exp_month"], o["exp_year"] = c.fingerprint(), 12, t.Now().Year()+3
	return o
}

func createToken(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	details := r.Params.Object(Card)
	if details == nil {
		return nil, resource.Invalid("card", "parameter_missing", "The sandbox makes tokens of cards only.")
	}
	c, refusal := cardFrom(t, details, Card)
	if refusal != nil {
		return nil, refusal
	}
	o := t.New(Token)
	o["type"], o["used"] = Card, false
	inner := fillCard(t, o.Object(Card), c)
	inner["id"] = t.NewID(Card)
	delete(inner, "wallet") // the fixture has it, the description does not
	inner["exp_month"], inner["exp_year"] = integer(details, "exp_month"), fullYear(integer(details, "exp_year"))
	resource.Assign(inner, details, "name", "address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip")
	t.Put(o)
	return o, nil
}

func getToken(t *resource.Tx, r *resource.Request) (Object, *Refusal) { return t.Subject(r, Token) }

// cardOfToken returns the test card of a token, and uses the token up.
func cardOfToken(t *resource.Tx, id, param string) (card, *Refusal) {
	if c, ok := cardNamed(id); ok && strings.HasPrefix(id, "tok_") {
		return c, nil
	}
	token, refusal := t.Get(Token, id, param)
	if refusal != nil {
		return card{}, refusal
	}
	if token.Bool("used") {
		return card{}, resource.Invalid(param, "token_already_used", "You cannot use a Stripe token more than once: %s.", id)
	}
	token["used"] = true
	t.Put(token)
	c, _ := cardPrinted(token.Object(Card).Text("fingerprint"))
	return c, nil
}

// addCard adds the card of a token to a customer.
func addCard(t *resource.Tx, customer Object, token, param string) (Object, *Refusal) {
	c, refusal := cardOfToken(t, token, param)
	if refusal != nil {
		return nil, refusal
	}
	if c.decline != "" && !c.attaches {
		refusal := declined(c.decline, nil)
		refusal.Stands = false
		return nil, refusal
	}
	o := fillCard(t, t.New(Card), c)
	o["name"], o["customer"] = nil, customer.ID()
	t.Put(o)
	return o, nil
}

func addSource(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	customer, refusal := t.Subject(r, Customer)
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	param := "source"
	if !r.Params.Has(param) {
		param = Card
	}
	o, refusal := addCard(t, customer, r.Params.Text(param), param)
	if refusal != nil {
		return nil, refusal
	}
	if !customer.Set("default_source") {
		before := customer.Clone()
		customer["default_source"] = o.ID()
		t.Put(customer)
		t.Emit("customer.source.created", o)
		t.EmitUpdate("customer.updated", before, customer)
		return o, nil
	}
	t.Emit("customer.source.created", o)
	return o, nil
}

func sourcesOf(customer string) resource.Filter {
	return resource.Filter{Kind: Card, Equal: map[string]string{"customer": customer}}
}

func listSources(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	if _, refusal := t.Subject(r, Customer); refusal != nil {
		return nil, refusal
	}
	return t.List(r, sourcesOf(r.Subject()))
}

func getSource(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, ok := t.Find(Card, r.Subject())
	if !ok || o.Text("customer") != r.PathParam("customer") {
		return nil, resource.MissingSubject("source", r.Subject())
	}
	return o, nil
}

func deleteSource(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := getSource(t, r)
	if refusal != nil {
		return nil, refusal
	}
	rest := t.Remove(o)
	t.Emit("customer.source.deleted", o)
	if customer, ok := t.Find(Customer, o.Text("customer")); ok && customer.Text("default_source") == o.ID() {
		before := customer.Clone()
		customer["default_source"] = nil
		if left := t.All(sourcesOf(customer.ID())); len(left) > 0 {
			customer["default_source"] = left[0].ID()
		}
		t.Put(customer)
		t.EmitUpdate("customer.updated", before, customer)
	}
	return rest, nil
}
