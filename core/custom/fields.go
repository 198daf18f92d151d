package custom

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// fields is a compiled query or set of headers: names from the declaration, with
// values from templates. Nil is empty.
type fields struct {
	template *template.Template
	refs     []template.Ref
	constant []field // all of them, if no value holds a placeholder
}

// field is one name with one value.
type field struct{ name, value string }

// compileFields compiles a JSON object at a pointer.
func compileFields(source json.RawMessage, pointer string) (*fields, template.Faults) {
	if source == nil {
		return nil, nil
	}
	t, faults := compileTemplate(source, pointer)
	if faults != nil {
		return nil, faults
	}
	f := &fields{template: t, refs: t.Refs()}
	if len(f.refs) == 0 {
		var err error
		if f.constant, err = f.expand(template.Map{}); err != nil {
			return nil, template.Faults{{Pointer: pointer, Message: err.Error()}}
		}
	}
	return f, nil
}

// render returns the fields with their values, sorted by name. Every error is a
// *paramError.
func (f *fields) render(scope template.Scope) ([]field, error) {
	switch {
	case f == nil:
		return nil, nil
	case f.isConstant():
		return f.constant, nil
	default:
		return f.expand(scope)
	}
}

// isConstant reports whether no value holds a placeholder.
func (f *fields) isConstant() bool { return f == nil || len(f.refs) == 0 }

func (f *fields) expand(scope template.Scope) ([]field, error) {
	rendered, err := f.template.Render(scope)
	if err != nil {
		return nil, renderError(f.refs, err)
	}
	members, ok := rendered.(map[string]any)
	if !ok {
		return nil, &paramError{reason: "expected an object by name"}
	}
	var all []field
	for _, name := range slices.Sorted(maps.Keys(members)) {
		values, list := members[name].([]any)
		if !list {
			values = []any{members[name]}
		}
		for _, v := range values {
			if v == nil {
				continue
			}
			text, ok := scalar(v)
			if !ok {
				return nil, &paramError{f.paramAt(name), fmt.Sprintf("must be text, a number or a boolean to stand in %q", name)}
			}
			all = append(all, field{name, text})
		}
	}
	return all, nil
}

// paramAt returns the name of the param that a field is made of, "" if of none.
func (f *fields) paramAt(name string) string {
	for _, ref := range f.refs {
		first, _, _ := strings.Cut(strings.TrimPrefix(ref.Pointer, "/"), "/")
		if strings.NewReplacer("~1", "/", "~0", "~").Replace(first) == name {
			return paramName(ref)
		}
	}
	return ""
}

// encode writes a query. It refuses line ends and NUL although they could be
// encoded: no query needs them, and they could split the lines of a program that
// logs or forwards the decoded value.
func (f *fields) encode(scope template.Scope) (string, error) {
	all, err := f.render(scope)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, pair := range all {
		if strings.ContainsAny(pair.value, "\r\n\x00") {
			return "", &paramError{f.paramAt(pair.name), fmt.Sprintf("holds a line end or NUL and cannot stand in the query %q", pair.name)}
		}
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(pair.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(pair.value))
	}
	return b.String(), nil
}

// setIn writes headers.
func (f *fields) setIn(header http.Header, scope template.Scope) error {
	all, err := f.render(scope)
	if err != nil {
		return err
	}
	for i, pair := range all {
		if !httpguts.ValidHeaderFieldValue(pair.value) {
			return &paramError{f.paramAt(pair.name), fmt.Sprintf("holds control characters and cannot stand in the header %s", pair.name)}
		}
		if i > 0 && all[i-1].name == pair.name {
			return &paramError{f.paramAt(pair.name), fmt.Sprintf("is a list, and the header %s takes one value", pair.name)}
		}
		header[headerKey(pair.name)] = []string{pair.value}
	}
	return nil
}

// scalar returns a scalar as text, false for any other value.
func scalar(v any) (string, bool) {
	switch value.KindOf(v) {
	case value.KindString, value.KindNumber, value.KindBool:
		text, err := value.Text(v)
		return text, err == nil
	default:
		return "", false
	}
}

// names returns the names in a JSON object that compiled, sorted.
func names(object json.RawMessage) []string {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(members))
}
