package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// Scope is the data that a template or condition is rendered with. The caller
// keeps it unchanged meanwhile.
type Scope interface {
	// Root returns the value of a root such as "input", of one of the kinds of
	// package value, and false if none exists. The root "headers" is an
	// object with names in lower case.
	Root(name string) (any, bool)
}

// Map is a [Scope] that holds the roots by name.
type Map map[string]any

var _ Scope = Map(nil)

// Root returns the member of that name.
func (m Map) Root(name string) (any, bool) {
	v, ok := m[name]
	return v, ok
}

// Docs is a [Scope] that holds the roots by name as documents, which are parsed
// when they are first read.
type Docs map[string]value.Doc

var _ Scope = Docs(nil)

// Root returns the value of the document of that name.
func (d Docs) Root(name string) (any, bool) {
	doc, ok := d[name]
	return doc.Value(), ok
}

// Roots returns the names of all roots.
func Roots() []string {
	return []string{"input", "steps", "payload", "headers", "params", "query", "body", "auth", "run", "event", "item", "index"}
}

// headersRoot is the root whose names are written in any case: those of HTTP
// fields have none (RFC 9110, section 5.1).
const headersRoot = "headers"

// lowerHeader returns p with its header's name in the form in which a scope
// keeps it; other paths come back as they are.
func lowerHeader(p value.Path) value.Path {
	if len(p) < 2 || p[0].Key != headersRoot {
		return p
	}
	p = slices.Clone(p)
	p[1].Key = strings.ToLower(p[1].Key)
	return p
}

// DefaultMaxBytes is the size limit of a rendered template where the options
// give none: 4 MiB.
const DefaultMaxBytes = 4 << 20

// Options bound what a template or condition may do. The zero value allows
// every root of [Roots].
type Options struct {
	// Roots are the names that paths may start with.
	Roots []string
	// MaxBytes limits the size of the rendered JSON, in bytes; 0 means
	// [DefaultMaxBytes]. Conditions make no output and ignore it.
	MaxBytes int
	// Results says that a text that is exactly one placeholder of the root results, such
	// as {{results[0].id}}, is left as it is written: it is for the integration that gets
	// the rendered value; see package sdk/results.
	Results bool
	// Text, if not nil, makes every string a text, also one that is exactly one
	// placeholder, and is put between what a placeholder stands for and the text: it
	// escapes what would be no text there.
	Text func(string) string
	// Checked says that the source was checked when it was stored: of what works and
	// cannot be meant nothing is said.
	Checked bool
}

// CheckRoot returns what is wrong with name as the start of a path: nil if
// nothing is. The fault has neither pointer nor offset.
func (o Options) CheckRoot(name string) *Fault {
	allowed := o.Roots
	if allowed == nil {
		allowed = Roots()
	}
	switch {
	case slices.Contains(allowed, name):
		return nil
	case name == "env" || name == "file":
		return &Fault{
			Message: fmt.Sprintf("%s stands for a secret and cannot be used where data is rendered", name),
			Hint:    "{{env.X}} and {{file:/path}} work in config fields such as credentials only",
		}
	case name == results.Root && o.Results:
		return &Fault{
			Message: "what reads a result of another call is not rendered here, and stands alone",
			Hint:    `make "{{results[0].id}}" all that the field holds`,
		}
	case name == results.Root:
		return &Fault{
			Message: fmt.Sprintf("unknown name %q", name),
			Hint:    "{{results[0].id}} is for the calls within one action, such as a transaction; another step is read as {{steps.ID.result.id}}",
		}
	case slices.Contains(Roots(), name):
		return &Fault{
			Message: fmt.Sprintf("%q is not available here", name),
			Hint:    "available are " + strings.Join(allowed, ", "),
		}
	}
	f := &Fault{Message: fmt.Sprintf("unknown name %q", abbreviate(name))}
	if near := suggest.Nearest(name, allowed); near != "" {
		f.Hint = fmt.Sprintf("did you mean %q?", near)
	} else {
		f.Hint = "a path starts with " + strings.Join(allowed, ", ")
	}
	return f
}

// abbreviate keeps messages about very long names readable.
func abbreviate(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
