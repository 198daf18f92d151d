package shape

import (
	"reflect"
	"slices"
	"strings"
)

// keyword is a tag that becomes a keyword of the schema.
type keyword struct {
	name  string
	kinds []kind // that it can say something of
	value valueOf
}

// valueOf is how the text of a tag is written in the schema.
type valueOf uint8

const (
	asText    valueOf = iota // as a string
	asNumber                 // as a number
	asCount                  // as a number from zero
	asLiteral                // as a value of the field
	asList                   // as values of the field, with commas between them
)

var (
	texts   = []kind{kindString, kindText}
	numbers = []kind{kindInt, kindUint, kindFloat, kindNumber}
	scalars = []kind{kindString, kindText, kindInt, kindUint, kindFloat, kindNumber, kindBool, kindTime, kindDuration}
)

// keywords say something of a single value. On a slice or a map they are about
// its elements.
var keywords = []keyword{
	{"enum", scalars, asList},
	{"examples", scalars, asList},
	{"minimum", numbers, asNumber},
	{"maximum", numbers, asNumber},
	{"exclusiveMinimum", numbers, asNumber},
	{"exclusiveMaximum", numbers, asNumber},
	{"multipleOf", numbers, asNumber},
	{"minLength", texts, asCount},
	{"maxLength", texts, asCount},
	{"pattern", texts, asText},
	{"format", texts, asText},
	{"default", scalars, asLiteral},
}

// collections say something of a slice itself.
var collections = []keyword{
	{"minItems", []kind{kindSlice}, asCount},
	{"maxItems", []kind{kindSlice}, asCount},
}

// annotations writes what a tag says of the value itself, and returns the tags
// that are left for its elements, or for keywords.
func (w *writer) annotations(s *Shape, tag reflect.StructTag, place string) reflect.StructTag {
	for _, known := range append(slices.Clone(keywords), collections...) {
		if lower := strings.ToLower(known.name); lower != known.name {
			if _, given := tag.Lookup(lower); given {
				w.fault(place, "the tag %s is written %s", lower, known.name)
			}
		}
	}
	switch secret, given := tag.Lookup("secret"); {
	case given && secret != "true":
		w.fault(place, `the tag secret is "true" or not there`)
	case given:
		w.raw("writeOnly", "true")
	}
	for _, c := range collections {
		if text, given := tag.Lookup(c.name); given {
			w.keyword(c, s, text, false, place)
		}
	}
	if s.kind == kindStruct {
		w.keywords(s, tag, false, place) // which can say nothing of one
		return ""
	}
	if s.kind == kindSlice || s.kind == kindMap {
		return without(tag)
	}
	return tag
}

// without returns the tags that are handed down to elements: the keywords alone.
func without(tag reflect.StructTag) reflect.StructTag {
	var kept strings.Builder
	for _, known := range keywords {
		if text, given := tag.Lookup(known.name); given {
			kept.WriteString(known.name + ":" + quoteTag(text) + " ")
		}
	}
	return reflect.StructTag(kept.String())
}

// quoteTag writes text as reflect.StructTag reads it: as a string of Go.
func quoteTag(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

func (w *writer) keywords(s *Shape, tag reflect.StructTag, nullable bool, place string) {
	for _, known := range keywords {
		if text, given := tag.Lookup(known.name); given {
			w.keyword(known, s, text, nullable, place)
		}
	}
}

func (w *writer) keyword(k keyword, s *Shape, text string, nullable bool, place string) {
	if !slices.Contains(k.kinds, s.kind) {
		w.fault(place, "the tag %s says nothing of a value of %s", k.name, s.typ)
		return
	}
	switch k.value {
	case asText:
		w.text(k.name, text)
	case asNumber, asCount:
		if !isNumber(text) || k.value == asCount && strings.ContainsAny(text, "-.eE") {
			w.fault(place, "the tag %s: %q is not the number that is needed", k.name, text)
			return
		}
		w.raw(k.name, text)
	case asLiteral:
		w.key(k.name)
		w.literal(k.name, s, text, place)
	case asList:
		w.key(k.name)
		w.out = append(w.out, '[')
		for i, value := range strings.Split(text, ",") {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.literal(k.name, s, value, place)
		}
		if nullable && k.name == "enum" {
			w.out = append(w.out, ",null"...)
		}
		w.out = append(w.out, ']')
	}
}

// literal writes a value of the field, which must be one that the type can hold.
func (w *writer) literal(name string, s *Shape, text, place string) {
	value, err := literal(s, text)
	if err == nil {
		err = s.Decode(value, reflect.New(s.typ).Elem())
	}
	if err != nil {
		w.fault(place, "the tag %s: %q: %s", name, text, err)
		return
	}
	w.out = append(w.out, value...)
}
