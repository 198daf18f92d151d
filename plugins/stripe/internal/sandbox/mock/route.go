package mock

import (
	"net/url"
	"strings"
)

// node is a place in the tree of paths.
type node struct {
	literal map[string]*node
	any     *node
	// here are the operations that end at this place, by method.
	here map[string]*Operation
}

func newOperation(id, method, path string) *Operation {
	o := &Operation{ID: id, Method: strings.ToUpper(method), Path: path}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			o.names = append(o.names, strings.TrimSuffix(name, "}"))
		}
	}
	return o
}

func (n *node) add(o *Operation) {
	for part := range strings.SplitSeq(strings.Trim(o.Path, "/"), "/") {
		if strings.HasPrefix(part, "{") {
			if n.any == nil {
				n.any = &node{}
			}
			n = n.any
			continue
		}
		if n.literal == nil {
			n.literal = map[string]*node{}
		}
		if n.literal[part] == nil {
			n.literal[part] = &node{}
		}
		n = n.literal[part]
	}
	if n.here == nil {
		n.here = map[string]*Operation{}
	}
	n.here[o.Method] = o
}

// find looks for an operation; a written part of a path goes before a param.
func (n *node) find(method string, parts, values []string) (*Operation, []string) {
	if len(parts) == 0 {
		return n.here[method], values
	}
	if next := n.literal[parts[0]]; next != nil {
		if o, found := next.find(method, parts[1:], values); o != nil {
			return o, found
		}
	}
	if n.any == nil || parts[0] == "" {
		return nil, nil
	}
	return n.any.find(method, parts[1:], append(values, parts[0]))
}

// Route returns the operation of a method and an escaped path, with the values
// of its path's params by name; nil if there is none.
func (m *Mock) Route(method, path string) (*Operation, map[string]string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	operation, values := m.routes.find(method, parts, nil)
	if operation == nil {
		return nil, nil
	}
	named := make(map[string]string, len(values))
	for i, value := range values {
		text, err := url.PathUnescape(value)
		if err != nil {
			return nil, nil
		}
		named[operation.names[i]] = text
	}
	return operation, named
}
