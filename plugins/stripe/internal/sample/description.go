package sample

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
)

// schema is what is read of a schema of Stripe's description.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Enum       []any              `json:"enum"`
	Nullable   bool               `json:"nullable"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	AnyOf      []*schema          `json:"anyOf"`
	ResourceID string             `json:"x-resourceId"`
}

// description is what samples are made of: the schemas of Stripe's objects, and an
// object of nearly each. It is not changed after it was read.
type description struct {
	schemas map[string]*schema
	// resources are the schemas by the name that the member "object" has.
	resources map[string]*schema
	fixtures  map[string]any
	// owners are the resources by the prefix of their ids, as in "cus_".
	owners map[string]string
}

// describe reads the description once.
var describe = sync.OnceValues(func() (*description, error) {
	var document struct {
		Components struct{ Schemas map[string]*schema }
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &document); err != nil {
		return nil, fmt.Errorf("read Stripe's description: %w", err)
	}
	raw, err := decode(embedded.OpenAPIFixtures)
	if err != nil {
		return nil, fmt.Errorf("read Stripe's fixtures: %w", err)
	}
	file, _ := raw.(object)
	fixtures, _ := file["resources"].(object)
	d := &description{schemas: document.Components.Schemas, resources: map[string]*schema{}, fixtures: fixtures, owners: map[string]string{}}
	for name, s := range d.schemas {
		if s.ResourceID != "" {
			name = s.ResourceID
		}
		d.resources[name] = s
	}
	for resource := range fixtures {
		if _, listed := sharing[resource]; listed || strings.HasPrefix(resource, "deleted_") || fixed[resource] {
			continue
		}
		if prefix := d.prefix(resource); prefix != "" {
			d.owners[prefix] = resource
		}
	}
	d.owners["ca_"] = "application"
	return d, nil
})

// sharing are resources that are shown under the id of another one: what a plan is
// today is a price, and an external account a bank account.
var sharing = map[string]string{
	"plan": "price", "external_account": "bank_account", "payment_source": "card", "item": "line_item",
}

// fixed are resources whose ids are names that Stripe gave, the same for everybody.
var fixed = map[string]bool{
	"capability": true, "reporting.report_type": true, "climate.product": true, "climate.supplier": true,
	"country_spec": true, "exchange_rate": true, "tax_code": true,
}

// prefix is the part of the ids of a resource that all have, up to the last "_";
// empty where they have none, as a coupon's.
func (d *description) prefix(resource string) string {
	fixture, _ := d.fixtures[resource].(object)
	id, _ := fixture["id"].(string)
	return id[:strings.LastIndex(id, "_")+1]
}

// resolve follows a reference and the nullable schemas that wrap one.
func (d *description) resolve(s *schema) *schema {
	for s != nil {
		switch {
		case s.Ref != "":
			s = d.schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		case len(s.AnyOf) == 1:
			s = s.AnyOf[0]
		default:
			return s
		}
	}
	return &schema{}
}

// branch returns the schema that a value of a member "object" has, of those that a
// schema allows.
func (d *description) branch(s *schema, value any) *schema {
	s = d.resolve(s)
	o, isObject := value.(object)
	if !isObject || len(s.AnyOf) == 0 {
		return s
	}
	for _, one := range s.AnyOf {
		one = d.resolve(one)
		if kind := d.resolve(one.Properties["object"]); len(kind.Enum) == 1 && kind.Enum[0] == o["object"] {
			return one
		}
	}
	return s
}

// synthesize makes a value by a schema, for what Stripe has no fixture of: every
// member, null where it may be.
func (d *description) synthesize(s *schema, name string) any {
	if s.Nullable {
		return nil
	}
	s = d.resolve(s)
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return d.synthesize(s.AnyOf[0], name)
	case s.Type == "object":
		o := object{}
		for member, of := range s.Properties {
			o[member] = d.synthesize(of, member)
		}
		return o
	case s.Type == "array":
		return []any{}
	case s.Type == "integer", s.Type == "number":
		return json.Number("0")
	case s.Type == "boolean":
		return false
	case name == "id":
		return "x_0"
	default:
		return ""
	}
}
