package openapi

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Operation is one operation of the API. It is immutable and safe for concurrent use.
type Operation struct {
	id, method, path string
	description      string
	deprecated       bool
	host             Host
	responds         string

	of         *Description
	shared     jsontext.Value // the parameters of all operations of the path
	parameters jsontext.Value
	body       jsontext.Value
	responses  jsontext.Value
	params     func() (*Params, error)
}

// FormOperation returns an operation of which no description is at hand. It is one of
// /v1 that takes a query if it is a GET, else a form, and returns a list if it is
// paged.
func FormOperation(id, method, path string, paged bool) *Operation {
	o := &Operation{id: id, method: method, path: path, responds: contentTypeJSON}
	p := &Params{where: make(map[string]Where), others: InBody}
	for _, name := range o.PathNames() {
		p.where[name] = InPath
	}
	if o.Reads() {
		p.others = InQuery
	}
	switch {
	case paged && strings.HasSuffix(path, "/search"):
		p.paged = PagedByToken
	case paged:
		p.paged = PagedByID
	}
	o.params = func() (*Params, error) { return p, nil }
	return o
}

// Host is where an operation is served.
type Host uint8

// The hosts of Stripe's API.
const (
	HostAPI   Host = iota // https://api.stripe.com
	HostFiles             // https://files.stripe.com, where whole files are sent
	hostOther             // one that must not get a key
)

// contentTypeJSON is the content type of most responses.
const contentTypeJSON = "application/json"

// pathPattern is what the path of an operation looks like. A name in braces is a
// whole segment of it.
var pathPattern = regexp.MustCompile(`^/v[0-9]+(/([A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*|\{[A-Za-z0-9_]+\}))+$`)

// readOperation reads what is needed of an operation before it is called.
func readOperation(method, path string, raw jsontext.Value) (*Operation, error) {
	o := &Operation{method: method, path: path, responds: contentTypeJSON}
	err := eachMember(raw, func(name string, value jsontext.Value) (err error) {
		switch name {
		case "operationId":
			o.id, err = text(value)
		case "description":
			o.description, err = text(value)
		case "deprecated":
			o.deprecated = value.Kind() == 't'
		case "parameters":
			o.parameters = value
		case "requestBody":
			o.body = value
		case "servers":
			o.host, err = readHost(value)
		case "responses":
			o.responses = value
			o.responds, err = responseType(value)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return err
	})
	return o, err
}

// readHost reads the servers of an operation that has its own.
func readHost(raw jsontext.Value) (Host, error) {
	host := HostAPI
	err := eachItem(raw, func(server jsontext.Value) error {
		url, err := textMember(server, "url")
		switch strings.TrimRight(url, "/") {
		case "https://api.stripe.com":
		case "https://files.stripe.com":
			host = HostFiles
		default:
			host = hostOther
		}
		return err
	})
	return host, err
}

// responseType returns the content type of a successful response: the first that is
// listed.
func responseType(raw jsontext.Value) (string, error) {
	success, err := member(raw, "200")
	if err != nil || success == nil {
		return contentTypeJSON, err
	}
	content, err := member(success, "content")
	if err != nil || content == nil {
		return contentTypeJSON, err
	}
	first := ""
	err = eachMember(content, func(name string, _ jsontext.Value) error {
		if first == "" {
			first = name
		}
		return nil
	})
	if first == "" {
		first = contentTypeJSON
	}
	return first, err
}

// ID is the operationId, such as "PostCustomersCustomer".
func (o *Operation) ID() string { return o.id }

// Method is GET, POST or DELETE.
func (o *Operation) Method() string { return o.method }

// Path is the path with names in braces, such as "/v1/customers/{customer}".
func (o *Operation) Path() string { return o.path }

// Reads reports whether the operation changes nothing.
func (o *Operation) Reads() bool { return o.method == "GET" }

// Deprecated reports whether Stripe advises against the operation.
func (o *Operation) Deprecated() bool { return o.deprecated }

// Host is where the operation is served.
func (o *Operation) Host() Host { return o.host }

// RespondsJSON reports whether the response is JSON, and not a file.
func (o *Operation) RespondsJSON() bool { return o.responds == contentTypeJSON }

// V2 reports whether the operation is one of /v2, whose bodies are JSON
// (https://docs.stripe.com/api-v2-overview).
func (o *Operation) V2() bool { return strings.HasPrefix(o.path, "/v2/") }

// prefix is what the id begins with. How a call is treated follows from its
// operationId, so that it has to be right: whether it writes, and how long its
// idempotency key lives.
func (o *Operation) prefix() string {
	prefix := o.method[:1] + strings.ToLower(o.method[1:])
	if o.V2() {
		prefix += "V2"
	}
	return prefix
}

// Summary is the first sentence of what Stripe says of the operation, as plain text.
func (o *Operation) Summary() string { return shorten(o.description) }

// braced returns the name that a segment of a path holds in braces.
func braced(segment string) (string, bool) {
	name, open := strings.CutPrefix(segment, "{")
	name, closed := strings.CutSuffix(name, "}")
	return name, open && closed
}

// PathNames are the names in braces of the path, in their order.
func (o *Operation) PathNames() []string {
	var names []string
	for segment := range strings.SplitSeq(o.path, "/") {
		if name, ok := braced(segment); ok {
			names = append(names, name)
		}
	}
	return names
}

// Params returns what the operation takes. The error says what of the description is
// not understood; the operation cannot be called then.
func (o *Operation) Params() (*Params, error) {
	params, err := o.params()
	if err != nil {
		return nil, fmt.Errorf("the description of %s: %w", o.id, err)
	}
	return params, nil
}

func (o *Operation) readParams() (*Params, error) {
	switch {
	case o.host == hostOther:
		return nil, errors.New("it is served where no key is sent: only https://api.stripe.com and https://files.stripe.com are known")
	case !pathPattern.MatchString(o.path):
		return nil, fmt.Errorf("its path %q is not one of Stripe's", o.path)
	case !o.V2() && strings.HasPrefix(o.id, o.prefix()+"V2"):
		return nil, fmt.Errorf("its id begins with %q, as that of an operation below /v2, and its path is %q", o.prefix()+"V2", o.path)
	case !strings.HasPrefix(o.id, o.prefix()):
		return nil, fmt.Errorf("its id does not begin with %q, as that of a %s of %s does", o.prefix(), o.method, o.path)
	}
	r := &reader{of: o.of, id: o.id, params: &Params{where: make(map[string]Where), form: formURLEncoded}, properties: node{}}
	if o.V2() {
		r.params.form = formJSON
	}
	for _, list := range []jsontext.Value{o.shared, o.parameters} {
		if list == nil {
			continue
		}
		if err := eachItem(list, r.parameter); err != nil {
			return nil, err
		}
	}
	if o.body != nil {
		if err := r.body(o.body); err != nil {
			return nil, fmt.Errorf("requestBody: %w", err)
		}
	}
	for _, name := range o.PathNames() {
		if r.params.where[name] != InPath {
			return nil, fmt.Errorf("its path has {%s}, which is not among its parameters", name)
		}
	}
	for name, where := range r.params.where {
		if where == InPath && !slices.Contains(o.PathNames(), name) {
			return nil, fmt.Errorf("its path has no {%s}, which is among its parameters", name)
		}
		if where == InBody && o.method == "GET" {
			return nil, fmt.Errorf("it is a GET with %q in its body", name)
		}
	}
	return r.finish()
}
