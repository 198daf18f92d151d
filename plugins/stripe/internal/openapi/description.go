// Package openapi reads an OpenAPI description of Stripe's API into operations: what
// each is called, where it is sent, which params it takes and in which form.
//
// A description is read once, without what its responses look like. The params of an
// operation are converted to a JSON Schema when they are first asked for, so that a
// process that calls three operations pays for three.
//
// It knows how Stripe describes its API (https://github.com/stripe/openapi), and
// sends nothing.
//
// The package imports sdk, sdk/schema, sdk/suggest and sdk/value.
package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/suggest"
)

// Description is a description of one version of the API. It is immutable and safe
// for concurrent use.
type Description struct {
	version    string
	operations map[string]*Operation
	ids        []string
	// components are the text of the member of that name, nil if it has none.
	components jsontext.Value
	// definitions are the schemas in components, by name.
	definitions func() (map[string]jsontext.Value, error)
	// getters are the operations that read one object, by the type of what they return.
	getters func() (map[string][]*Operation, error)
}

// Parse reads a description, which must not change afterwards: parts of it are kept
// as they are. It refuses what is not an OpenAPI 3 description with a version and
// with operations that can be distinguished. What it says of single params is looked at
// when they are asked for.
func Parse(raw []byte) (*Description, error) {
	d := &Description{operations: make(map[string]*Operation)}
	var dialect string
	err := eachMember(raw, func(name string, value jsontext.Value) (err error) {
		switch name {
		case "openapi":
			dialect, err = text(value)
		case "info":
			d.version, err = textMember(value, "version")
		case "components":
			d.components = value
		case "paths":
			err = d.readPaths(value)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !strings.HasPrefix(dialect, "3."):
		return nil, errors.New(`it is not an OpenAPI 3 description: "openapi" does not begin with "3."`)
	case d.version == "":
		return nil, errors.New(`it is of no version: "info" has no "version"`)
	case len(d.operations) == 0:
		return nil, errors.New(`it has no operations: "paths" has none with an "operationId"`)
	}
	d.ids = slices.Sorted(maps.Keys(d.operations))
	d.definitions = sync.OnceValues(d.readDefinitions)
	d.getters = sync.OnceValues(d.readGetters)
	return d, nil
}

// Version is the API version that is described, as in the header Stripe-Version.
func (d *Description) Version() string { return d.version }

// IDs returns the ids of all operations, sorted. It must not be changed.
func (d *Description) IDs() []string { return d.ids }

// Operation returns the operation of that id, nil if the description has none.
func (d *Description) Operation(id string) *Operation { return d.operations[id] }

// Hint says which operation may be meant by an id that the description does not
// have. It is empty where none comes near.
func (d *Description) Hint(id string) string {
	near := suggest.Nearest(id, d.ids)
	if near == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", near)
}

func (d *Description) readPaths(raw jsontext.Value) error {
	return eachMember(raw, func(path string, item jsontext.Value) error {
		err := d.readPath(path, item)
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return err
	})
}

// methods are those that Stripe's API has.
var methods = map[string]string{"get": "GET", "post": "POST", "delete": "DELETE"}

// readPath reads the operations of one path. Params that stand beside them are those
// of all of them.
func (d *Description) readPath(path string, item jsontext.Value) error {
	var shared jsontext.Value
	var found []*Operation
	err := eachMember(item, func(name string, value jsontext.Value) error {
		if name == "parameters" {
			shared = value
		}
		method, ok := methods[name]
		if !ok {
			return nil
		}
		o, err := readOperation(method, path, value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, o)
		return nil
	})
	if err != nil {
		return err
	}
	for _, o := range found {
		if o.id == "" {
			continue // it cannot be named
		}
		if other, twice := d.operations[o.id]; twice {
			return fmt.Errorf("the operationId %q is that of %s %s too", o.id, other.method, other.path)
		}
		o.shared, o.of = shared, d
		o.params = sync.OnceValues(o.readParams)
		d.operations[o.id] = o
	}
	return nil
}

func (d *Description) readDefinitions() (map[string]jsontext.Value, error) {
	found := make(map[string]jsontext.Value)
	if d.components == nil {
		return found, nil
	}
	schemas, err := member(d.components, "schemas")
	if err != nil || schemas == nil {
		return found, err
	}
	err = eachMember(schemas, func(name string, value jsontext.Value) error {
		found[name] = value
		return nil
	})
	return found, err
}

// eachMember calls visit for each member of a JSON object, with parts of its text.
func eachMember(object []byte, visit func(name string, value jsontext.Value) error) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(object), jsontext.AllowDuplicateNames(true))
	if decoder.PeekKind() != '{' {
		if _, err := decoder.ReadToken(); err != nil {
			return syntax(err)
		}
		return errors.New("it is not a JSON object")
	}
	if _, err := decoder.ReadToken(); err != nil {
		return syntax(err)
	}
	for decoder.PeekKind() != '}' {
		token, err := decoder.ReadToken()
		if err != nil {
			return syntax(err)
		}
		name := token.String() // the token is good until the next read
		value, err := decoder.ReadValue()
		if err != nil {
			return syntax(err)
		}
		end := int(decoder.InputOffset())
		if err := visit(name, jsontext.Value(object[end-len(value):end:end])); err != nil {
			return err
		}
	}
	if _, err := decoder.ReadToken(); err != nil {
		return syntax(err)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// syntax says where a text is not JSON.
func syntax(err error) error {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Errorf("it is not JSON at byte %d", syntactic.ByteOffset)
	}
	return fmt.Errorf("it is not JSON: %w", err)
}

// member returns one member of an object, nil if it is not there.
func member(object []byte, name string) (jsontext.Value, error) {
	var found jsontext.Value
	err := eachMember(object, func(other string, value jsontext.Value) error {
		if other == name {
			found = value
		}
		return nil
	})
	return found, err
}

// textMember returns one member of an object, which is a string.
func textMember(object []byte, name string) (string, error) {
	value, err := member(object, name)
	if err != nil || value == nil {
		return "", err
	}
	found, err := text(value)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return found, err
}

// text returns the string that a value is.
func text(value jsontext.Value) (string, error) {
	if value.Kind() != '"' {
		return "", errors.New("it is not a string")
	}
	unquoted, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return "", syntax(err)
	}
	return string(unquoted), nil
}
