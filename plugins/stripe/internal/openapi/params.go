package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// Params are what an operation takes, as one flat object of the names in its path,
// its query and its body. It is immutable and safe for concurrent use.
type Params struct {
	where map[string]Where
	// others is where a param is sent that is not in where.
	others   Where
	form     bodyForm
	files    []string
	repeated []string
	paged    Paged
	schema   node
	compiled func() (*schema.Schema, error)
}

// Where says in which part of a request a param is sent.
type Where uint8

// The parts of a request.
const (
	InNothing Where = iota // the operation has no such param
	InPath
	InQuery
	InBody
)

type bodyForm uint8

const (
	formURLEncoded bodyForm = iota
	formMultipart
	formJSON
)

// Where returns the part in which a param is sent.
func (p *Params) Where(name string) Where {
	if where := p.where[name]; where != InNothing {
		return where
	}
	return p.others
}

// Multipart reports whether the body is multipart/form-data.
func (p *Params) Multipart() bool { return p.form == formMultipart }

// JSON reports whether the body is JSON.
func (p *Params) JSON() bool { return p.form == formJSON }

// Files are the names of the params that are files.
func (p *Params) Files() []string { return p.files }

// IsFile reports whether a param is a file: a text, or the object that fileSchema
// describes.
func (p *Params) IsFile(name string) bool { return slices.Contains(p.files, name) }

// Repeated reports whether a list in the query is written as its name again and
// again (a=1&a=2), and not with an index (a[0]=1&a[1]=2).
func (p *Params) Repeated(name string) bool { return slices.Contains(p.repeated, name) }

// Paged says how the further pages of a list are asked for.
type Paged uint8

// The ways in which Stripe pages (https://docs.stripe.com/api/pagination,
// https://docs.stripe.com/api/pagination/search, https://docs.stripe.com/api-v2-overview).
const (
	NotPaged     Paged = iota // the operation returns no list
	PagedByID                 // starting_after is the id of the last object
	PagedByToken              // page is the next_page of the response
	PagedByURL                // page is in the next_page_url of the response, in /v2
)

// Paged says whether the operation returns a list, and how it is paged.
func (p *Params) Paged() Paged { return p.paged }

// readPaged finds out of the params how a list is paged.
func (p *Params) readPaged() Paged {
	inQuery := func(name string) bool { return p.where[name] == InQuery }
	switch {
	case inQuery("starting_after") && inQuery("limit"):
		return PagedByID
	case inQuery("page") && inQuery("limit") && p.form == formJSON:
		return PagedByURL
	case inQuery("page") && inQuery("limit"):
		return PagedByToken
	}
	return NotPaged
}

// Schema returns the JSON Schema (2020-12) of the params, as a value that the caller
// may change.
func (p *Params) Schema() map[string]any { return clone(p.schema) }

// Faults returns where params, as value.Parse returns them, are not what the
// operation takes. The error says that the schema of the description cannot be used.
// Of an operation that FormOperation made, nothing is known, and there are none.
func (p *Params) Faults(params any) ([]sdk.Fault, error) {
	if p.compiled == nil {
		return nil, nil
	}
	compiled, err := p.compiled()
	if err != nil {
		return nil, err
	}
	return compiled.Faults(params), nil
}

// reader collects the params of one operation.
type reader struct {
	of         *Description
	id         string
	params     *Params
	properties node
	required   []any
	// used are the definitions that schemas refer to.
	used definitions
}

// maxID bounds a value in the path, in characters: an id has at most 255
// (https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backward-compatible).
const maxID = 255

// parameter reads one of "parameters".
func (r *reader) parameter(raw jsontext.Value) error {
	var p struct {
		Ref         string `json:"$ref"`
		Name        string `json:"name"`
		In          string `json:"in"`
		Description string `json:"description"`
		Required    bool   `json:"required"`
		Style       string `json:"style"`
		Explode     *bool  `json:"explode"`
		Schema      node   `json:"schema"`
	}
	if err := decode(raw, &p); err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	switch {
	case p.Ref != "":
		return fmt.Errorf("parameters: the reference %q is not followed", p.Ref)
	case p.Name == "" || p.Schema == nil:
		return errors.New("parameters: one has no name or no schema")
	case p.In == "header":
		return nil // Stripe's own headers are set by the client
	case p.In != "path" && p.In != "query":
		return fmt.Errorf("parameter %s: it is in %q", p.Name, p.In)
	}
	converted, err := r.used.convert(p.Schema)
	if err != nil {
		return fmt.Errorf("parameter %s: %w", p.Name, err)
	}
	if short := shorten(p.Description); short != "" {
		converted["description"] = short
	}
	if p.Name == "metadata" {
		allowScalars(converted)
	}
	where := InQuery
	if p.In == "path" {
		where = InPath
		converted["minLength"] = 1
		if longest, ok := converted["maxLength"].(json.Number); !ok || value.Compare(longest, "255") > 0 {
			converted["maxLength"] = maxID
		}
	}
	if p.In == "query" && p.Style != "deepObject" && (p.Explode == nil || *p.Explode) && converted["type"] == "array" {
		r.params.repeated = append(r.params.repeated, p.Name)
	}
	return r.add(p.Name, where, converted, p.Required || where == InPath)
}

// add adds a param. A name that is in two parts of a request is an error: one flat
// object cannot say which is meant. No operation that Stripe describes has one.
func (r *reader) add(name string, where Where, schema node, required bool) error {
	if r.params.where[name] != InNothing {
		return fmt.Errorf("it has two params called %q", name)
	}
	r.params.where[name] = where
	r.properties[name] = schema
	if required {
		r.required = append(r.required, name)
	}
	return nil
}

// bodyForms are the content types of bodies. The first that is listed here counts.
var bodyForms = []struct {
	contentType string
	form        bodyForm
}{
	{contentTypeJSON, formJSON},
	{"multipart/form-data", formMultipart},
	{"application/x-www-form-urlencoded", formURLEncoded},
}

// body reads "requestBody".
func (r *reader) body(raw jsontext.Value) error {
	var body struct {
		Ref     string `json:"$ref"`
		Content map[string]struct {
			Schema node `json:"schema"`
		} `json:"content"`
	}
	if err := decode(raw, &body); err != nil {
		return err
	}
	if body.Ref != "" {
		return fmt.Errorf("the reference %q is not followed", body.Ref)
	}
	for _, known := range bodyForms {
		content, ok := body.Content[known.contentType]
		if !ok {
			continue
		}
		r.params.form = known.form
		return r.bodySchema(content.Schema)
	}
	if len(body.Content) > 0 {
		return errors.New("it has no content type that is known: JSON, a form or multipart/form-data")
	}
	return nil
}

// bodySchema takes the properties of a body over. Only an object can be one flat
// object together with path and query.
func (r *reader) bodySchema(schema node) error {
	schema, err := r.deref(schema)
	if err != nil {
		return err
	}
	if open, said := schema["additionalProperties"]; schema["type"] != "object" || said && open != false {
		return errors.New("the body is not an object of named properties")
	}
	for _, name := range slices.Sorted(maps.Keys(schema)) {
		switch name {
		case "type", "properties", "required", "title", "description", "additionalProperties":
		default:
			if !strings.HasPrefix(name, "x-") {
				return fmt.Errorf("the body itself has the keyword %q", name)
			}
		}
	}
	properties, err := r.used.properties(schema["properties"])
	if err != nil {
		return fmt.Errorf("properties: %w", err)
	}
	required, _ := schema["required"].([]any)
	given, _ := schema["properties"].(node)
	for name, property := range properties {
		inner, _ := property.(node)
		if raw, ok := given[name].(node); ok && raw["format"] == "binary" {
			r.params.files = append(r.params.files, name)
		}
		if err := r.add(name, InBody, inner, slices.Contains(required, any(name))); err != nil {
			return err
		}
	}
	return nil
}

// deref follows the reference that a schema may be.
func (r *reader) deref(schema node) (node, error) {
	ref, ok := schema["$ref"].(string)
	if !ok {
		return schema, nil
	}
	return r.of.definition(ref)
}

// finish makes the schema of all params together.
func (r *reader) finish() (*Params, error) {
	describeAmount(r.id, r.properties)
	describeUnits(r.properties)
	whole := node{"type": "object", "additionalProperties": false, "properties": r.properties}
	slices.SortFunc(r.required, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	if len(r.required) > 0 {
		whole["required"] = r.required
	}
	defs, err := r.used.resolve(r.of)
	if err != nil {
		return nil, err
	}
	if len(defs) > 0 {
		whole["$defs"] = defs
	}
	p := r.params
	p.schema, p.paged = whole, p.readPaged()
	p.compiled = sync.OnceValues(func() (*schema.Schema, error) {
		raw, err := json.Marshal(whole)
		if err != nil {
			return nil, err
		}
		return schema.Compile(raw)
	})
	return p, nil
}
