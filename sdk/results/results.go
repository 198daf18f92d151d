// Package results reads what an inner call takes from the results of the calls before
// it: a text that is exactly one placeholder of the root results, such as
// "{{results[0].id}}". It is for an action with sdk.ActionSpec.Inner. The gateway leaves
// such texts as they are written, and makes sure that none comes from data; the plugin
// puts in their place what they stand for.
//
// The package imports sdk/pointer and sdk/value.
package results

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/value"
)

// Root is the first word of a reference.
const Root = "results"

// Reference is a place in the result of an earlier call.
type Reference struct {
	// Index is that of the call in the list of calls, from 0 on.
	Index int
	// Path leads to the place within its result; an empty one is the whole result.
	Path value.Path
}

// String writes the reference as Parse reads it.
func (r Reference) String() string {
	return "{{" + append(value.Path{{Key: Root}, {Index: r.Index, IsIndex: true}}, r.Path...).String() + "}}"
}

// In returns what the reference stands for, results having those of the calls before
// in their order. The error says why nothing is there; it quotes no value.
func (r Reference) In(results []any) (any, error) {
	if r.Index >= len(results) {
		return nil, fmt.Errorf("%s: only the results of earlier calls can be read, and there are %d", r, len(results))
	}
	at, n := r.Path.Walk(results[r.Index])
	if n < len(r.Path) {
		walked := append(value.Path{{Key: Root}, {Index: r.Index, IsIndex: true}}, r.Path[:n]...)
		return nil, fmt.Errorf("%s: %s", r, r.Path[n].Absence(walked.String(), at))
	}
	return at, nil
}

// Parse reads a text. ok is false for one that is no placeholder of the root results, or
// has anything beside it: that is a text like any other. The error says what is wrong
// with a placeholder that is one of results and no reference.
func Parse(text string) (ref Reference, ok bool, err error) {
	inner, opens := strings.CutPrefix(text, "{{")
	if !opens {
		return ref, false, nil
	}
	start := len(text) - len(strings.TrimLeft(inner, space))
	path, end, err := value.ScanPath(text, start)
	if err != nil {
		// What follows the root is no path: the placeholder still is one of results.
		if !isRoot(text[start:]) || !closesAtItsEnd(text[start:]) {
			return ref, false, nil
		}
		return ref, true, malformed(text)
	}
	if path[0].IsIndex || path[0].Key != Root || !closesAtItsEnd(text[end:]) {
		return ref, false, nil
	}
	if strings.TrimLeft(text[end:], space) != "}}" || len(path) < 2 || !path[1].IsIndex {
		return ref, true, malformed(text)
	}
	return Reference{Index: path[1].Index, Path: path[2:]}, true, nil
}

// space is what may stand within the braces.
const space = " \t\r\n"

// isRoot reports whether a text begins with the root, as a word of its own.
func isRoot(text string) bool {
	rest, ok := strings.CutPrefix(text, Root)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && strings.ContainsRune(".[?"+space+"}", next)
}

// closesAtItsEnd reports whether the first two braces that close a placeholder are the
// last of the text. Those in quotes close nothing.
func closesAtItsEnd(text string) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"' || text[i] == '\'':
			if _, end, err := value.ScanString(text, i); err == nil {
				i = end - 1
			}
		case strings.HasPrefix(text[i:], "}}"):
			return i+2 == len(text)
		}
	}
	return false
}

func malformed(text string) error {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return errors.New(strconv.Quote(text) + ` reads no result: write a path, as in "{{results[0].id}}", without defaults`)
}

// Walk calls found for each text within v, a value of package value that stands at the
// pointer at, which Parse takes for a placeholder of results, in the order of their
// places.
func Walk(v any, at string, found func(at string, ref Reference, err error)) {
	switch v := v.(type) {
	case string:
		if ref, ok, err := Parse(v); ok {
			found(at, ref, err)
		}
	case []any:
		for i, item := range v {
			Walk(item, pointer.Join(at, strconv.Itoa(i)), found)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			Walk(v[name], pointer.Join(at, name), found)
		}
	}
}
