package schema

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ruleCompiler makes rules of the library's schemas.
type ruleCompiler struct {
	made  map[ruleKey]*rule
	units map[string]string // see unitsOf
	// anchors are the dynamic anchors of each resource, by the location of the
	// resource.
	anchors map[string]map[string]*jsonschema.Schema
	// resources are the locations of all resources, the longer before those that they
	// begin with.
	resources []string
}

// ruleKey is a schema where it is reached: a $dynamicRef in it may lead elsewhere
// on another way.
type ruleKey struct {
	schema *jsonschema.Schema
	scope  *dynamicScope
}

// dynamicScope is what dynamic references lead to: the anchors of the resources on
// the way, the outermost first. It is not changed once made.
type dynamicScope struct {
	resource string
	outer    *dynamicScope
	bound    map[string]*jsonschema.Schema
	inner    map[string]*dynamicScope // by resource
}

// recursive is the name under which $recursiveAnchor of 2019-09 is kept. No anchor
// can have it.
const recursive = "#"

// compileRules makes the rule of a schema. more are schemas that only a dynamic
// reference may lead to, units what integers count, by the location of their schema.
func compileRules(root *jsonschema.Schema, more []*jsonschema.Schema, units map[string]string) *rule {
	c := ruleCompiler{made: make(map[ruleKey]*rule), units: units, anchors: make(map[string]map[string]*jsonschema.Schema)}
	c.findAnchors(append([]*jsonschema.Schema{root}, more...))
	return c.rule(root, &dynamicScope{bound: map[string]*jsonschema.Schema{}, inner: map[string]*dynamicScope{}})
}

// findAnchors notes the dynamic anchors of all schemas that can be reached.
func (c *ruleCompiler) findAnchors(queue []*jsonschema.Schema) {
	known := make(map[*jsonschema.Schema]bool)
	var anchored []*jsonschema.Schema
	for len(queue) > 0 {
		s := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if known[s] {
			continue
		}
		known[s] = true
		if s.ID != "" || strings.HasSuffix(s.Location, "#") {
			c.resources = append(c.resources, s.Location)
		}
		if s.DynamicAnchor != "" || s.RecursiveAnchor {
			anchored = append(anchored, s)
		}
		queue = append(queue, parts(s)...)
	}
	slices.SortFunc(c.resources, func(a, b string) int { return len(b) - len(a) })
	for _, s := range anchored {
		resource := c.resourceOf(s)
		if c.anchors[resource] == nil {
			c.anchors[resource] = make(map[string]*jsonschema.Schema)
		}
		if s.DynamicAnchor != "" {
			c.anchors[resource][s.DynamicAnchor] = s
		}
		if s.RecursiveAnchor {
			c.anchors[resource][recursive] = s
		}
	}
}

// resourceOf returns the location of the resource that a schema is part of.
func (c *ruleCompiler) resourceOf(s *jsonschema.Schema) string {
	for _, resource := range c.resources {
		if s.Location == resource || strings.HasPrefix(s.Location, strings.TrimSuffix(resource, "/")+"/") {
			return resource
		}
	}
	document, _, _ := strings.Cut(s.Location, "#")
	return document + "#"
}

// enter returns the scope in a schema that is reached from one.
func (c *ruleCompiler) enter(scope *dynamicScope, s *jsonschema.Schema) *dynamicScope {
	resource := c.resourceOf(s)
	anchors := c.anchors[resource]
	added := false
	for name := range anchors {
		_, bound := scope.bound[name]
		added = added || !bound
	}
	if !added {
		return scope
	}
	if inner := scope.inner[resource]; inner != nil {
		return inner
	}
	inner := &dynamicScope{resource: resource, outer: scope, bound: maps.Clone(anchors), inner: map[string]*dynamicScope{}}
	maps.Copy(inner.bound, scope.bound) // the outermost counts
	scope.inner[resource] = inner
	return inner
}

// parts returns all schemas that a schema names.
func parts(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{
		s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else,
		s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems,
	}
	if s.DynamicRef != nil {
		all = append(all, s.DynamicRef.Ref)
	}
	all = slices.Concat(all, s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems)
	for _, others := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		all = append(all, schemasOf(others)...)
	}
	all = append(all, slices.Collect(maps.Values(s.DependentSchemas))...)
	all = append(all, slices.Collect(maps.Values(s.Properties))...)
	all = append(all, slices.Collect(maps.Values(s.PatternProperties))...)
	for _, other := range s.Dependencies {
		all = append(all, schemasOf(other)...)
	}
	return slices.DeleteFunc(all, func(s *jsonschema.Schema) bool { return s == nil })
}

// schemasOf returns the schemas in a field that may hold something else.
func schemasOf(field any) []*jsonschema.Schema {
	switch field := field.(type) {
	case *jsonschema.Schema:
		return []*jsonschema.Schema{field}
	case []*jsonschema.Schema:
		return field
	}
	return nil
}

// rule returns the rule of a schema that is reached from a scope; nil for nil.
func (c *ruleCompiler) rule(s *jsonschema.Schema, scope *dynamicScope) *rule {
	if s == nil {
		return nil
	}
	scope = c.enter(scope, s)
	key := ruleKey{s, scope}
	if made, known := c.made[key]; known {
		return made
	}
	location := s.Location
	if _, fragment, found := strings.Cut(location, "#"); found && strings.HasPrefix(location, schemaLocation) {
		location = "#" + fragment
	}
	r := &rule{
		location: location, note: noteOf(s), unit: c.units[location], kinds: anything,
		length: span{0, unbounded}, size: span{0, unbounded}, count: span{0, unbounded}, matches: span{0, unbounded},
	}
	c.made[key] = r
	if s.Bool != nil {
		r.never = !*s.Bool
		return r
	}
	c.references(r, s, scope)
	c.values(r, s)
	if r.refsOnly = s.DraftVersion < 2019 && s.Ref != nil; r.refsOnly {
		return r
	}
	r.not, r.ifs, r.then, r.orElse = c.rule(s.Not, scope), c.rule(s.If, scope), c.rule(s.Then, scope), c.rule(s.Else, scope)
	r.all, r.any, r.one = c.rules(s.AllOf, scope), c.rules(s.AnyOf, scope), c.rules(s.OneOf, scope)
	c.array(r, s, scope)
	c.object(r, s, scope)
	return r
}

func (c *ruleCompiler) rules(all []*jsonschema.Schema, scope *dynamicScope) []*rule {
	var made []*rule
	for _, s := range all {
		made = append(made, c.rule(s, scope))
	}
	return made
}

func (c *ruleCompiler) references(r *rule, s *jsonschema.Schema, scope *dynamicScope) {
	add := func(target *jsonschema.Schema, anchor string) {
		if bound := scope.bound[anchor]; anchor != "" && bound != nil {
			target = bound
		}
		if target != nil {
			r.refs = append(r.refs, c.rule(target, scope))
		}
	}
	add(s.Ref, "")
	if target := s.RecursiveRef; target != nil {
		anchor := ""
		if target.RecursiveAnchor {
			anchor = recursive
		}
		add(target, anchor)
	}
	if dynamic := s.DynamicRef; dynamic != nil {
		anchor := dynamic.Anchor
		if dynamic.Ref.DynamicAnchor != anchor {
			anchor = ""
		}
		add(dynamic.Ref, anchor)
	}
}

// values sets what a schema says of scalars, and of values of every kind.
func (c *ruleCompiler) values(r *rule, s *jsonschema.Schema) {
	if s.Types != nil && !s.Types.IsEmpty() {
		r.kinds = kindsOf(s.Types)
	}
	if s.Const != nil {
		r.enum, r.isConst = []any{*s.Const}, true
	}
	if s.Enum != nil {
		into := r
		if s.Const != nil {
			r.second = &rule{location: r.location, kinds: anything, length: r.length, size: r.size, count: r.count, matches: r.matches}
			into = r.second
		}
		into.enum = s.Enum.Values
		into.scalars = scalarsOf(into.enum)
	}
	if r.isConst {
		r.scalars = scalarsOf(r.enum)
	}
	r.format = s.Format
	r.minimum, r.above = numberOf(s.Minimum), numberOf(s.ExclusiveMinimum)
	r.maximum, r.below = numberOf(s.Maximum), numberOf(s.ExclusiveMaximum)
	r.multipleOf = s.MultipleOf
	r.length, r.pattern = spanOf(s.MinLength, s.MaxLength), s.Pattern
}

func (c *ruleCompiler) array(r *rule, s *jsonschema.Schema, scope *dynamicScope) {
	r.size, r.unique = spanOf(s.MinItems, s.MaxItems), s.UniqueItems
	if s.DraftVersion >= 2020 {
		r.prefix, r.items = c.rules(s.PrefixItems, scope), c.rule(s.Items2020, scope)
	} else {
		switch items := s.Items.(type) {
		case *jsonschema.Schema:
			r.items = c.rule(items, scope)
		case []*jsonschema.Schema:
			r.prefix = c.rules(items, scope)
			r.items = c.orBool(s.AdditionalItems, scope)
		case nil:
			r.items = c.orBool(s.AdditionalItems, scope)
		}
	}
	if s.Contains != nil {
		r.contains = c.rule(s.Contains, scope)
		r.matches.least, r.containsCounts = 1, s.DraftVersion >= 2020
		if s.MinContains != nil {
			r.matches.least = *s.MinContains
		}
		if s.MaxContains != nil {
			r.matches.most = *s.MaxContains
		}
	}
	r.unevaluatedAt = c.rule(s.UnevaluatedItems, scope)
}

// orBool returns the rule of a field that is a schema or a boolean.
func (c *ruleCompiler) orBool(field any, scope *dynamicScope) *rule {
	switch field := field.(type) {
	case *jsonschema.Schema:
		return c.rule(field, scope)
	case bool:
		if !field {
			return &rule{never: true}
		}
	}
	return nil
}

func (c *ruleCompiler) object(r *rule, s *jsonschema.Schema, scope *dynamicScope) {
	r.count, r.required = spanOf(s.MinProperties, s.MaxProperties), s.Required
	r.members = make(map[string]*rule, len(s.Properties))
	for name, member := range s.Properties {
		r.members[name] = c.rule(member, scope)
	}
	for pattern, member := range s.PatternProperties {
		r.patterns = append(r.patterns, patternRule{pattern, c.rule(member, scope)})
	}
	slices.SortFunc(r.patterns, func(a, b patternRule) int { return strings.Compare(a.pattern.String(), b.pattern.String()) })
	switch others := s.AdditionalProperties.(type) {
	case bool:
		r.closed = !others
	case *jsonschema.Schema:
		r.others = c.rule(others, scope)
	}
	r.names = c.rule(s.PropertyNames, scope)
	for _, name := range slices.Sorted(maps.Keys(s.DependentRequired)) {
		r.dependents = append(r.dependents, dependent{name: name, required: s.DependentRequired[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		r.dependents = append(r.dependents, dependent{name: name, rule: c.rule(s.DependentSchemas[name], scope)})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		switch other := s.Dependencies[name].(type) {
		case []string:
			r.dependents = append(r.dependents, dependent{name: name, required: other})
		case *jsonschema.Schema:
			r.dependents = append(r.dependents, dependent{name: name, rule: c.rule(other, scope)})
		}
	}
	r.unevaluated = c.rule(s.UnevaluatedProperties, scope)
}

// kindsByName are the kinds of each type that a schema can name.
var kindsByName = map[string]kinds{
	"null": null, "boolean": boolean, "integer": integer, "number": integer | fraction,
	"string": text, "array": array, "object": object,
}

// kindsOf returns the kinds of the types that a schema names.
func kindsOf(types *jsonschema.Types) kinds {
	var all kinds
	for _, name := range types.ToStrings() {
		all |= kindsByName[name]
	}
	return all
}

// names lists the types in a set as a schema names them, in the library's order.
func (k kinds) names() []string {
	var names []string
	for _, name := range []string{"null", "boolean", "number", "integer", "string", "array", "object"} {
		of := kindsByName[name]
		if k&of == of && (name != "integer" || k&fraction == 0) {
			names = append(names, name)
		}
	}
	return names
}

// spanOf returns the range of two keywords, each of which may be absent.
func spanOf(least, most *int) span {
	s := span{0, unbounded}
	if least != nil {
		s.least = *least
	}
	if most != nil {
		s.most = *most
	}
	return s
}

// numberOf writes a bound as a number, "" for none. Every bound was written as a
// decimal.
func numberOf(bound *big.Rat) json.Number {
	if bound == nil {
		return ""
	}
	return json.Number(decimal(bound))
}

// scalarsOf returns those of a list of values that are found by looking them up.
func scalarsOf(values []any) map[any]bool {
	found := make(map[any]bool)
	for _, v := range values {
		switch v.(type) {
		case nil, bool, string:
			found[v] = true
		}
	}
	return found
}
