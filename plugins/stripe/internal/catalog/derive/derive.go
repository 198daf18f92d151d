// Package derive makes what the catalog holds of each action out of Stripe's OpenAPI
// description: the params of its operation as they stand there, plus the options and
// the few conveniences that Backflow adds. It runs when code is generated and in
// tests, never in the plugin.
//
// The package imports plugins/stripe/internal/catalog,
// plugins/stripe/internal/openapi and plugins/stripe/internal/permission.
package derive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/catalog"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/plugins/stripe/internal/permission"
)

// version is the API version that the actions are derived from: the one that
// stripe-go v76 speaks.
const version = "2023-10-16"

// node is a JSON object of a schema.
type node = map[string]any

// Files returns the files of the catalog by their names in it. The same description
// always gives the same bytes.
func Files(description []byte) (map[string][]byte, error) {
	spec, err := openapi.Parse(description)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI description: %w", err)
	}
	if spec.Version() != version {
		return nil, fmt.Errorf("the OpenAPI description is of API version %q, want %q", spec.Version(), version)
	}
	files := make(map[string][]byte)
	operations := make(map[string]catalog.Derived)
	for _, row := range catalog.Rows() {
		action, err := derive(spec, row)
		if err != nil {
			return nil, fmt.Errorf("derive %s: %w", row.Name, err)
		}
		operations[row.Name] = action.derived
		if files["params/"+row.Name+".json"], err = write(action.schema); err != nil {
			return nil, fmt.Errorf("derive %s: %w", row.Name, err)
		}
	}
	if files["operations.json"], err = indented(operations); err != nil {
		return nil, err
	}
	files["rights.json"], err = indented(groups(spec))
	return files, err
}

func indented(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(value)
	return out.Bytes(), err
}

// groups sorts all operations by method and by the right that they need.
func groups(spec *openapi.Description) []catalog.Group {
	var all []catalog.Group
	for _, id := range spec.IDs() {
		operation := spec.Operation(id)
		right, _ := permission.For(operation.Method(), operation.Path())
		if right == "" {
			continue // any key will do
		}
		i := slices.IndexFunc(all, func(g catalog.Group) bool { return g.Method == operation.Method() && g.Right == right })
		if i < 0 {
			i = len(all)
			all = append(all, catalog.Group{Method: operation.Method(), Right: right})
		}
		all[i].Operations = append(all[i].Operations, id)
	}
	return all
}

// write writes a schema with a line for each of its params.
func write(schema node) ([]byte, error) {
	var out bytes.Buffer
	compact := func(value any) error {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(value)
		out.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
		return err
	}
	list := func(object node, member func(name string) error) error {
		for i, name := range slices.Sorted(maps.Keys(object)) {
			if i > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(&out, "\n%q:", name)
			if err := member(name); err != nil {
				return err
			}
		}
		return nil
	}
	out.WriteByte('{')
	err := list(schema, func(name string) error {
		if name != "properties" {
			return compact(schema[name])
		}
		out.WriteByte('{')
		err := list(properties(schema), func(name string) error { return compact(properties(schema)[name]) })
		out.WriteString("\n}")
		return err
	})
	out.WriteString("\n}\n")
	return out.Bytes(), err
}

// action is what is derived of one action.
type action struct {
	derived catalog.Derived
	schema  node
}

func derive(spec *openapi.Description, row catalog.Row) (action, error) {
	operation := spec.Operation(row.Operation)
	if operation == nil {
		return action{}, fmt.Errorf("the description has no operation %s", row.Operation)
	}
	params, err := operation.Params()
	if err != nil {
		return action{}, err
	}
	a := action{schema: params.Schema(), derived: catalog.Derived{
		Text: row.Text, Method: operation.Method(), Path: operation.Path(), Paged: params.Paged() != openapi.NotPaged,
		Metadata: catalog.OptionSent, Expand: catalog.OptionSent,
	}}
	if a.derived.Text == "" {
		a.derived.Text = operation.Summary()
	}
	if err := checkForm(operation, params); err != nil {
		return action{}, err
	}
	a.renameID(row.ID)
	if err := a.addMetadata(spec, operation); err != nil {
		return action{}, err
	}
	a.addExpand()
	a.addRights(operation)
	if convenience := conveniences[row.Name]; convenience != nil {
		convenience(&a)
	}
	a.addOptions()
	a.schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	return a, nil
}

// checkForm refuses an operation that is not sent as the plugin sends those that it
// knows by method and path alone: a GET with a query, another one with a form.
func checkForm(operation *openapi.Operation, params *openapi.Params) error {
	want := openapi.InBody
	if operation.Reads() {
		want = openapi.InQuery
	}
	for name := range properties(params.Schema()) {
		if where := params.Where(name); where != want && where != openapi.InPath {
			return fmt.Errorf("%s of %s is where a plain form has it not", name, operation.ID())
		}
	}
	if params.Multipart() || params.JSON() || operation.Host() != openapi.HostAPI || operation.Deprecated() {
		return errors.New("the operation is not a plain form")
	}
	return nil
}

// chosen are the ids that are made up by the account's owner, not by Stripe.
var chosen = []string{"couponId", "productId", "priceId"}

// renameID gives the id in the path our name.
func (a *action) renameID(id string) {
	theirs := catalog.PathID(a.derived.Path)
	if theirs == "" {
		return
	}
	delete(properties(a.schema), theirs)
	thing := strings.TrimSuffix(id, "Id")
	schema := node{
		"description": "The " + spaced(thing) + "'s id.",
		"type":        "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 255,
	}
	if slices.Contains(chosen, id) {
		// Anything but what would name another path.
		schema["pattern"] = `^[^/\\\x00-\x1f\x7f]*[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*$`
	}
	properties(a.schema)[id] = schema
	required, _ := a.schema["required"].([]any)
	a.schema["required"] = append([]any{id}, slices.DeleteFunc(required, func(name any) bool { return name == theirs })...)
}

// spaced writes camelCase as words.
func spaced(camel string) string {
	var out strings.Builder
	for _, r := range camel {
		if r >= 'A' && r <= 'Z' {
			out.WriteByte(' ')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}

// addMetadata adds the option metadata where the operation has none.
func (a *action) addMetadata(spec *openapi.Description, operation *openapi.Operation) error {
	if properties(a.schema)["metadata"] != nil {
		return nil
	}
	if operation.Reads() {
		a.derived.Metadata = catalog.OptionIgnored
		properties(a.schema)["metadata"] = node{
			"description":          "Taken as on every action; a read has nothing to attach it to.",
			"type":                 "object",
			"additionalProperties": node{"type": []any{"string", "number", "boolean"}},
		}
		return nil
	}
	for _, id := range spec.IDs() {
		update := spec.Operation(id)
		if of := unnamed(update.Path()); update.Method() != "POST" || of != unnamed(operation.Path()) && of != path.Dir(unnamed(operation.Path())) {
			continue
		}
		params, err := update.Params()
		if err != nil {
			return err
		}
		metadata, ok := properties(params.Schema())["metadata"].(node)
		if !ok || catalog.PathID(update.Path()) == "" {
			continue
		}
		a.derived.Metadata, a.derived.Update = catalog.OptionBefore, update.Path()
		properties(a.schema)["metadata"] = metadata
		return nil
	}
	a.derived.Metadata = catalog.OptionRefused
	return nil
}

// unnamed is a path without what its id is called: one object has two names for it in
// the description.
func unnamed(path string) string {
	if id := catalog.PathID(path); id != "" {
		return strings.Replace(path, "{"+id+"}", "{}", 1)
	}
	return path
}

// addExpand adds the option expand where the operation has none.
func (a *action) addExpand() {
	if properties(a.schema)["expand"] != nil {
		return
	}
	a.derived.Expand = catalog.OptionIgnored
	properties(a.schema)["expand"] = node{
		"description": "Taken as on every action; what is deleted has nothing to expand.",
		"type":        "array", "items": node{"type": "string", "maxLength": 5000},
	}
}

// addRights names what a restricted key needs for the action.
func (a *action) addRights(operation *openapi.Operation) {
	add := func(method, path string) {
		if right, _ := permission.For(method, path); right != "" && !slices.Contains(a.derived.Rights, right) {
			a.derived.Rights = append(a.derived.Rights, right)
		}
	}
	add(operation.Method(), operation.Path())
	if a.derived.Update != "" {
		add("POST", a.derived.Update)
	}
}

// addOptions adds what every action takes beside Stripe's own parameters.
func (a *action) addOptions() {
	properties(a.schema)["stripeAccount"] = node{
		"description": "The connected account to act for (Stripe-Account header).",
		"type":        "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 255,
	}
	properties(a.schema)["stripeContext"] = node{
		"description": "The account to act for with the key of an organization (Stripe-Context header).",
		"type":        "string", "pattern": "^[A-Za-z0-9_/-]+$", "maxLength": 255,
	}
	properties(a.schema)["timeout"] = node{
		"description": "The longest time to wait for Stripe, such as 10s or 1m30s.",
		"type":        "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`, "maxLength": 32,
	}
	if a.derived.Paged {
		properties(a.schema)["all"] = node{
			"description": "true reads page after page, up to 10,000 objects or 16 MiB; has_more says whether there are more.",
			"type":        "boolean", "default": false,
		}
	}
}

func properties(schema node) node {
	found, ok := schema["properties"].(node)
	if !ok {
		found = node{}
		schema["properties"] = found
	}
	return found
}
