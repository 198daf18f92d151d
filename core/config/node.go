package config

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind is the type of a value in a config file.
type Kind uint8

// The kinds of values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind as a message names it, with its article.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	default:
		return "an object"
	}
}

// Node is a value of a config file with its position. A tree is not changed
// after it was parsed and may be read from many goroutines.
type Node struct {
	Kind Kind
	// Pos is where the value starts.
	Pos Pos
	// Members are an object's, in the order of the file, each key once.
	Members []Member
	// Elements are an array's.
	Elements []*Node
	// Text is a string's value, a number as it was written, or "true" or "false".
	Text string
}

// Member is one key of an object with its value.
type Member struct {
	Key    string
	KeyPos Pos
	Value  *Node
}

// member returns the member of an object by its key, or nil.
func (n *Node) member(key string) *Member {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Key == key {
			return &n.Members[i]
		}
	}
	return nil
}

// Get returns the value of an object's key, or nil where none exists.
func (n *Node) Get(key string) *Node {
	if m := n.member(key); m != nil {
		return m.Value
	}
	return nil
}

// At returns where the value starts that a JSON Pointer (RFC 6901) names. For
// a value that does not exist it returns the start of its nearest ancestor that does.
func (n *Node) At(pointer string) Pos {
	if n == nil {
		return Pos{}
	}
	for token := range jsontext.Pointer(pointer).Tokens() {
		next := n.child(token)
		if next == nil {
			break
		}
		n = next
	}
	return n.Pos
}

// child returns the member or element that a token of a pointer names, or nil.
func (n *Node) child(token string) *Node {
	if n.Kind != Array {
		return n.Get(token)
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i >= len(n.Elements) {
		return nil
	}
	return n.Elements[i]
}

// JSON returns the value as compact standard JSON: members in the order of the
// file, numbers as they were written.
func (n *Node) JSON() []byte {
	return n.appendJSON(nil, "", func(_ string, n *Node) (string, bool) { return n.Text, true })
}

// appendJSON appends the value as JSON. render gives the string to write for each
// string in the tree; a member or element for which it returns false is left out.
func (n *Node) appendJSON(dst []byte, pointer string, render func(pointer string, n *Node) (string, bool)) []byte {
	switch n.Kind {
	case Null:
		return append(dst, "null"...)
	case Bool, Number:
		return append(dst, n.Text...)
	case String:
		s, ok := render(pointer, n)
		if !ok {
			return dst
		}
		return appendString(dst, s)
	case Array:
		dst = append(dst, '[')
		start := len(dst)
		for i, e := range n.Elements {
			before := len(dst)
			if len(dst) > start {
				dst = append(dst, ',')
			}
			after := len(dst)
			if dst = e.appendJSON(dst, pointer+"/"+strconv.Itoa(i), render); len(dst) == after {
				dst = dst[:before]
			}
		}
		return append(dst, ']')
	default:
		dst = append(dst, '{')
		start := len(dst)
		for _, m := range n.Members {
			before := len(dst)
			if len(dst) > start {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, m.Key), ':')
			after := len(dst)
			if dst = m.Value.appendJSON(dst, string(jsontext.Pointer(pointer).AppendToken(m.Key)), render); len(dst) == after {
				dst = dst[:before]
			}
		}
		return append(dst, '}')
	}
}

func appendString(dst []byte, s string) []byte {
	// The only error is invalid UTF-8, which front ends and placeholders
	// refuse; it would be replaced by U+FFFD.
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// strings calls yield for every string value in the tree; keys are not values.
func (n *Node) strings(yield func(*Node)) {
	switch n.Kind {
	case String:
		yield(n)
	case Array:
		for _, e := range n.Elements {
			e.strings(yield)
		}
	case Object:
		for _, m := range n.Members {
			m.Value.strings(yield)
		}
	}
}

// pointerPath turns a JSON Pointer into the notation of messages.
func pointerPath(pointer string) string {
	var path strings.Builder
	for token := range jsontext.Pointer(pointer).Tokens() {
		path.WriteString("." + token)
	}
	return path.String()
}
