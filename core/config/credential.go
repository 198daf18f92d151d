package config

import "slices"

// Credential is what the config hands to one integration. It prints no secret.
type Credential struct {
	Name string
	Pos  Pos
	// Unset are the fields that need what is not there (see Options), in order.
	// With Options.Dev they are left out of Reveal, with Options.AllowUnsetEnv
	// they hold the placeholder.
	Unset []UnsetField

	node    *Node
	raw     Secret
	values  []Secret
	lacking []string // see Lacks
}

// UnsetField is a field of a credential.
type UnsetField struct {
	// Pointer is its JSON Pointer in the credential.
	Pointer string
	// Names are the environment variables and files ("file:PATH") that it needs
	// and that are not there, in order.
	Names []string
}

// Lacks reports whether the field at a JSON Pointer is given but has no value: it
// is unset, or a fault was reported for it.
func (c Credential) Lacks(pointer string) bool { return slices.Contains(c.lacking, pointer) }

// Reveal returns the credential as a JSON object, with its secrets.
func (c Credential) Reveal() []byte {
	if c.raw.IsZero() {
		return []byte("{}")
	}
	return []byte(c.raw.Reveal())
}

// SecretValues returns what the placeholders of the credential stand for.
func (c Credential) SecretValues() []string { return reveal(c.values) }

// At returns where the field is written that a JSON Pointer into the credential
// names, or its nearest ancestor.
func (c Credential) At(pointer string) Pos { return c.node.At(pointer) }

// Fault returns a fault of the field that a JSON Pointer names; the message is
// put behind the field's name. It must not hold a value of the credential.
func (c Credential) Fault(pointer, message, hint string) Fault {
	return Fault{Pos: c.node.At(pointer), Message: "credentials." + c.Name + pointerPath(pointer) + ": " + message, Hint: hint}
}

// String names the credential. It keeps the parsed values out of logs.
func (c Credential) String() string { return "credentials of " + c.Name }

// GoString is String.
func (c Credential) GoString() string { return c.String() }

// credentialSchema declares the object of one integration. Only the integration
// knows its keys.
func credentialSchema() schema[Credential] {
	return schema[Credential]{
		description: description{typ: "object", jsonSchema: map[string]any{"type": "object"}, secret: true},
		decode: func(v value, into *Credential) {
			if !v.expect(Object, "an object") {
				return
			}
			c := Credential{Pos: v.node.Pos, node: v.node}
			raw := v.node.appendJSON(nil, "", func(pointer string, n *Node) (string, bool) {
				field := value{v.decoder, n, v.path + pointerPath(pointer)}
				e, ok := field.expand(true)
				c.values = append(c.values, e.secrets...)
				if !ok {
					c.lacking = append(c.lacking, pointer)
				}
				if !ok && len(e.unset) > 0 {
					c.Unset = append(c.Unset, UnsetField{pointer, e.unset})
					return e.value, v.options.AllowUnsetEnv
				}
				return e.value, ok
			})
			c.raw = NewSecret(string(raw))
			*into = c
		},
	}
}
