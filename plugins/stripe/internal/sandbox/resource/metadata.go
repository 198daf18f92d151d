package resource

// Limits of metadata (https://docs.stripe.com/api/metadata).
const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// Metadata applies the request's metadata to an object: keys are merged, an empty
// value unsets its key, empty metadata unsets all. Without metadata in the params
// nothing changes.
func Metadata(o, params Object) *Refusal {
	if !params.Has("metadata") {
		return nil
	}
	given := params.Object("metadata")
	if given == nil { // metadata="" unsets all
		o["metadata"] = Object{}
		return nil
	}
	merged := o.Object("metadata").Clone()
	if merged == nil {
		merged = Object{}
	}
	for key := range given {
		value := given.Text(key)
		switch {
		case len([]rune(key)) > maxMetadataKey:
			return Invalid("metadata", "parameter_invalid_string", "Metadata keys can be at most %d characters long.", maxMetadataKey)
		case len([]rune(value)) > maxMetadataValue:
			return Invalid("metadata["+key+"]", "parameter_invalid_string", "Metadata values can be at most %d characters long.", maxMetadataValue)
		case value == "":
			delete(merged, key)
		default:
			merged[key] = value
		}
	}
	if len(merged) > maxMetadataKeys {
		return Invalid("metadata", "parameter_invalid", "Metadata can have at most %d keys.", maxMetadataKeys)
	}
	o["metadata"] = merged
	return nil
}

// Assign copies the params of given names to the fields of the same names, where they
// are there; the empty string, which is how a form says null, becomes null.
func Assign(o, params Object, names ...string) {
	for _, name := range names {
		if value, ok := params[name]; ok {
			if value == "" {
				value = nil
			}
			o[name] = clone(value)
		}
	}
}

// Update copies params as Assign does, and metadata.
func Update(o, params Object, names ...string) *Refusal {
	Assign(o, params, names...)
	return Metadata(o, params)
}

// Merge copies what is given into an object, down to the values. Members that the
// object has not are left out.
func Merge(o, given Object) {
	for name := range given {
		if part := given.Object(name); part != nil && o.Object(name) != nil {
			Merge(o.Object(name), part)
		} else if o.Has(name) {
			Assign(o, given, name)
		}
	}
}
