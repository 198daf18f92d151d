package custom

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// root is the one root of the templates.
const root = "params"

func templateOptions() template.Options { return template.Options{Roots: []string{root}} }

// compileTemplate compiles a JSON value at a pointer.
func compileTemplate(source json.RawMessage, pointer string) (*template.Template, template.Faults) {
	v, err := value.Parse(source)
	if err != nil {
		return nil, template.Faults{{Pointer: pointer, Message: err.Error()}}
	}
	t, err := template.Compile(v, templateOptions())
	if err != nil {
		return nil, faultsOf(err, pointer)
	}
	return t, nil
}

// faultsOf puts the faults of a template behind a pointer.
func faultsOf(err error, pointer string) template.Faults {
	var faults template.Faults
	if !errors.As(err, &faults) {
		return template.Faults{{Pointer: pointer, Message: err.Error()}}
	}
	for i := range faults {
		faults[i].Pointer = pointer + faults[i].Pointer
	}
	return faults
}

// paramUse is what the templates of an action do with one param.
type paramUse struct {
	// required says that the request cannot be made without the param.
	required bool
	// inPath says that the param is in the path, where only a scalar can be.
	inPath bool
}

// paramUses are the params that the templates of an action name.
type paramUses struct {
	byName map[string]paramUse
	// whole says that a template uses the params as a whole.
	whole bool
	// paths are those into the params, by how they are written.
	paths map[string]value.Path
}

// add notes the params of one expression.
func (u *paramUses) add(expr *template.Expr, inPath bool) {
	refs := expr.Refs()
	_, optional := expr.Optional()
	// Without any data, an expression has a value if its last operand is a
	// literal; else that operand must be there.
	_, err := expr.Value(template.Map{})
	for i, ref := range refs {
		name := paramName(ref)
		if name == "" {
			u.whole = true
			continue
		}
		u.paths[ref.String()] = ref.Path
		use := u.byName[name]
		use.required = use.required || err != nil && !optional && i == len(refs)-1
		use.inPath = use.inPath || inPath && len(ref.Path) == 1
		u.byName[name] = use
	}
}

// addAll notes the params of every placeholder in a value that compiles.
func (u *paramUses) addAll(v any) {
	switch v := v.(type) {
	case string:
		for rest := 0; ; {
			start := strings.Index(v[rest:], "{{")
			if start < 0 {
				return
			}
			expr, end, fault := template.ScanExpr(v, rest+start+2, templateOptions())
			if fault != nil {
				return // not reached: it compiles
			}
			u.add(expr, false)
			rest = end
		}
	case []any:
		for _, element := range v {
			u.addAll(element)
		}
	case map[string]any:
		for _, member := range v {
			u.addAll(member)
		}
	}
}

// paramName returns the param that a path leads into, "" for the params as a whole.
func paramName(ref template.Ref) string {
	if len(ref.Path) == 0 {
		return ""
	}
	return ref.Path[0].Key
}

// paramOf returns the name of the param that an expression reads first, "" if it
// reads none.
func paramOf(expr *template.Expr) string {
	if refs := expr.Refs(); len(refs) > 0 {
		return paramName(refs[0])
	}
	return ""
}

// schema returns a JSON Schema of the params that the templates name.
func (u *paramUses) schema() json.RawMessage {
	properties, required := map[string]any{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(u.byName)) {
		property := map[string]any{}
		if u.byName[name].inPath {
			property["type"] = []string{"string", "number", "boolean"}
		}
		properties[name] = property
		if u.byName[name].required {
			required = append(required, name)
		}
	}
	derived := map[string]any{"type": "object", "properties": properties, "additionalProperties": u.whole}
	if len(required) > 0 {
		derived["required"] = required
	}
	raw, err := json.Marshal(derived)
	if err != nil {
		return json.RawMessage(`{"type":"object"}`) // not reached: maps of strings always marshal
	}
	return raw
}

// check compares the templates with the declared schema: a param that the schema
// forbids can never be given.
func (u *paramUses) check(given json.RawMessage) template.Faults {
	compiled, err := schema.Compile(given)
	var invalid *schema.InvalidError
	if errors.As(err, &invalid) {
		var faults template.Faults
		for _, f := range invalid.Faults {
			faults = append(faults, template.Fault{Pointer: "/params" + f.Pointer, Message: "not a JSON Schema: " + f.Message, Hint: f.Hint})
		}
		return faults
	}
	if err != nil {
		return template.Faults{{Pointer: "/params", Message: "not a JSON Schema: " + err.Error()}}
	}
	var faults template.Faults
	for _, name := range slices.Sorted(maps.Keys(u.paths)) {
		if message, hint := forbidden(compiled.Root(), u.paths[name]); message != "" {
			faults = append(faults, template.Fault{Pointer: "/params", Message: message, Hint: hint})
		}
	}
	return faults
}

// forbidden says which part of a path into the params a schema never allows; "" if all
// of it may be there.
func forbidden(place schema.Place, path value.Path) (message, hint string) {
	walked := value.Path{{Key: root}}
	for i, seg := range path {
		next, presence := place.Step(seg)
		switch {
		case presence == schema.Impossible && seg.IsIndex:
			return fmt.Sprintf("a template reads %s[%d], which the schema does not allow", walked, seg.Index), ""
		case presence == schema.Impossible && i == 0:
			return fmt.Sprintf("a template names the param %q, which the schema does not allow", seg.Key), suggest.Hint(seg.Key, place.Names())
		case presence == schema.Impossible:
			return fmt.Sprintf("a template reads %q of %s, which the schema does not allow", seg.Key, walked), suggest.Hint(seg.Key, place.Names())
		}
		place, walked = next, append(walked, seg)
	}
	return "", ""
}
