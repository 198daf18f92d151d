package stripedouble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/stripe/stripe-mock/embedded"
)

type object = map[string]any

// fixtures returns one of each object, as in Stripe's own fixtures.
func fixtures() (map[string]json.RawMessage, error) {
	var file struct {
		Resources map[string]json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &file); err != nil {
		return nil, fmt.Errorf("read fixtures: %w", err)
	}
	return file.Resources, nil
}

// put keeps a new object: the fixture of its kind with the given id and fields.
// The caller holds mu, or the double is not shared yet.
func (d *Double) put(kind, id string, fields object) (object, error) {
	var named struct{ ID string }
	if err := json.Unmarshal(d.base[kind], &named); err != nil {
		return nil, fmt.Errorf("fixture %s: %w", kind, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(d.base[kind], []byte(named.ID), []byte(id))))
	decoder.UseNumber()
	made := object{}
	if err := decoder.Decode(&made); err != nil {
		return nil, fmt.Errorf("fixture %s: %w", kind, err)
	}
	made["created"] = d.now().Unix()
	maps.Copy(made, fields)
	d.objects[id] = made
	return made, nil
}

// create puts an object under a new id and counts the effect. The caller holds mu.
func (d *Double) create(c *call, kind, prefix string, fields object) *response {
	d.serial++
	id := fmt.Sprintf("%sdouble%06d", prefix, d.serial)
	made, err := d.put(kind, id, fields)
	if err != nil {
		return failed()
	}
	d.effect(c, id)
	return success(made)
}

func (d *Double) effect(c *call, id string) {
	d.effects = append(d.effects, Effect{Key: c.key, Operation: c.method + " " + c.path, ID: id})
}

// execute does what the call asks for.
func (d *Double) execute(c *call, fault Fault) *response {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, one := strings.CutPrefix(c.path, "/v1/subscriptions/")
	var do func(*call) *response
	switch operation := c.method + " " + c.path; {
	case operation == "POST /v1/customers":
		do = d.createCustomer
	case operation == "POST /v1/payment_intents":
		do = d.createPaymentIntent
	case operation == "POST /v1/subscriptions":
		do = d.createSubscription
	case one && !strings.Contains(id, "/") && c.method == http.MethodGet:
		do = func(*call) *response { return d.getSubscription(id) }
	case one && !strings.Contains(id, "/") && c.method == http.MethodPost:
		do = func(c *call) *response { return d.updateSubscription(c, id) }
	case one && !strings.Contains(id, "/") && c.method == http.MethodDelete:
		do = func(c *call) *response { return d.cancelSubscription(c, id) }
	case d.endpointOperation(c) != nil:
		do = d.endpointOperation(c)
	default:
		return refuse(http.StatusNotFound, stripeError{
			Type:    "invalid_request_error",
			Message: fmt.Sprintf("Unrecognized request URL (%s: %s).", c.method, c.path),
		})
	}
	if fault.Kind == Error500 {
		return failed()
	}
	return do(c)
}

func (d *Double) createCustomer(c *call) *response {
	fields := object{"metadata": metadata(c.form)}
	for _, name := range []string{"email", "name", "description", "phone"} {
		if c.form.Has(name) {
			fields[name] = unset(c.form.Get(name))
		}
	}
	return d.create(c, "customer", "cus_", fields)
}

func (d *Double) createPaymentIntent(c *call) *response {
	amount, refused := integer(c.form, "amount")
	if refused != nil {
		return refused
	}
	currency := c.form.Get("currency")
	if currency == "" {
		return invalid("parameter_missing", "currency", "Missing required param: currency.")
	}
	fields := object{"amount": amount, "currency": currency, "metadata": metadata(c.form)}
	if customer := c.form.Get("customer"); customer != "" {
		if refused := d.known(customer); refused != nil {
			return refused
		}
		fields["customer"] = customer
	}
	if amount == DeclinedAmount || c.form.Get("customer") == DeclinedCustomer {
		return declined()
	}
	return d.create(c, "payment_intent", "pi_", fields)
}

func (d *Double) createSubscription(c *call) *response {
	customer := c.form.Get("customer")
	if customer == "" {
		return invalid("parameter_missing", "customer", "Missing required param: customer.")
	}
	if refused := d.known(customer); refused != nil {
		return refused
	}
	if c.form.Get("items[0][price]") == "" {
		return invalid("parameter_missing", "items", "Missing required param: items.")
	}
	if customer == DeclinedCustomer {
		return declined()
	}
	const month = 30 * 24 * 60 * 60
	now := d.now().Unix()
	return d.create(c, "subscription", "sub_", object{
		"customer": customer, "status": "active", "metadata": metadata(c.form),
		"cancel_at": nil, "canceled_at": nil, "ended_at": nil, "cancel_at_period_end": false,
		"current_period_start": now, "current_period_end": now + month,
	})
}

// subscription returns a subscription, or the refusal.
func (d *Double) subscription(id string) (object, *response) {
	found, ok := d.objects[id]
	if !ok || found["object"] != "subscription" {
		return nil, missing("subscription", id, "id", http.StatusNotFound)
	}
	return found, nil
}

func (d *Double) getSubscription(id string) *response {
	found, refused := d.subscription(id)
	if refused != nil {
		return refused
	}
	return success(found)
}

func (d *Double) updateSubscription(c *call, id string) *response {
	found, refused := d.subscription(id)
	if refused != nil {
		return refused
	}
	if found["status"] == "canceled" && c.form.Has("cancel_at_period_end") {
		return invalid("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	changed := maps.Clone(found)
	if c.form.Has("cancel_at_period_end") {
		atEnd := c.form.Get("cancel_at_period_end") == "true"
		changed["cancel_at_period_end"] = atEnd
		changed["cancel_at"], changed["canceled_at"] = nil, nil
		if atEnd {
			changed["cancel_at"], changed["canceled_at"] = found["current_period_end"], d.now().Unix()
		}
	}
	if added := metadata(c.form); len(added) > 0 {
		merged := object{}
		if old, ok := found["metadata"].(object); ok {
			maps.Copy(merged, old)
		}
		maps.Copy(merged, added)
		changed["metadata"] = merged
	}
	d.objects[id] = changed
	d.effect(c, id)
	return success(changed)
}

// cancelSubscription ends a subscription. A second time it is not found, as at
// Stripe.
func (d *Double) cancelSubscription(c *call, id string) *response {
	found, refused := d.subscription(id)
	if refused != nil {
		return refused
	}
	if found["status"] == "canceled" {
		return missing("subscription", id, "id", http.StatusNotFound)
	}
	changed := maps.Clone(found)
	now := d.now().Unix()
	changed["status"], changed["canceled_at"], changed["ended_at"] = "canceled", now, now
	d.objects[id] = changed
	d.effect(c, id)
	return success(changed)
}

func (d *Double) known(customer string) *response {
	if found, ok := d.objects[customer]; !ok || found["object"] != "customer" {
		return missing("customer", customer, "customer", http.StatusBadRequest)
	}
	return nil
}

// integer reads a whole number of at least 1.
func integer(form url.Values, name string) (int64, *response) {
	text := form.Get(name)
	if text == "" {
		return 0, invalid("parameter_missing", name, "Missing required param: %s.", name)
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, invalid("parameter_invalid_integer", name, "Invalid integer: %s", text)
	}
	if value < 1 {
		return 0, invalid("parameter_invalid_integer", name, "This value must be greater than or equal to 1.")
	}
	return value, nil
}

func metadata(form url.Values) object {
	found := object{}
	for name, values := range form {
		if key, ok := strings.CutPrefix(name, "metadata["); ok && len(values) > 0 {
			found[strings.TrimSuffix(key, "]")] = values[0]
		}
	}
	return found
}

func unset(text string) any {
	if text == "" {
		return nil
	}
	return text
}
