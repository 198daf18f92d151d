package config

import (
	"slices"
	"strings"
)

// Definition is a workflow's definition or a webhook's actions: JSON with
// the positions to report faults. Other packages check what it means.
type Definition struct {
	// ID is the "id" of a workflow where that is a string, else "".
	ID string
	// Raw is compact standard JSON, the numbers as they were written.
	Raw []byte
	// Node is the tree that Raw was made of. Webhooks without actions have a
	// node at the webhook.
	Node *Node
}

// Fault returns a fault of the value that a JSON Pointer into Raw names, where
// it is written.
func (d Definition) Fault(pointer, message, hint string) Fault {
	return Fault{Pos: d.Node.At(pointer), Message: message, Hint: hint}
}

// Where definitions stand, and what secrets are put into instead, as messages
// say it.
const (
	inDefinitions      = "workflows and webhook actions"
	credentialsInstead = "put it into credentials, where the integration gets it"
)

// actionsSchema declares the steps of a webhook.
func actionsSchema() schema[Definition] {
	return schema[Definition]{
		description: description{typ: "array of steps", jsonSchema: map[string]any{
			"type": "array", "items": map[string]any{"type": "object"},
		}},
		decode: func(v value, into *Definition) {
			if !v.expect(Array, "an array of steps") {
				return
			}
			v.noSecrets(inDefinitions, credentialsInstead)
			*into = Definition{Raw: v.node.JSON(), Node: v.node}
		},
	}
}

// workflowsSchema declares the list of definitions and of globs of files that hold
// them.
func workflowsSchema() schema[[]Definition] {
	definition := description{typ: "object", jsonSchema: map[string]any{
		"type":     "object",
		"required": []string{"id", "steps"},
		"properties": map[string]any{
			"id":    map[string]any{"type": "string"},
			"steps": map[string]any{"type": "array", "items": map[string]any{"type": "object"}},
		},
	}}
	entry := description{typ: "path or workflow", jsonSchema: map[string]any{
		"anyOf": []any{map[string]any{"type": "string"}, definition.jsonSchema},
	}}
	return schema[[]Definition]{
		description: description{typ: "array", items: &entry},
		decode: func(v value, into *[]Definition) {
			if !v.expect(Array, "an array") {
				return
			}
			w := workflowReader{ids: make(map[string]Pos)}
			for i, n := range v.node.Elements {
				switch entry := v.index(i); n.Kind {
				case String:
					w.glob(entry)
				case Object:
					w.define(entry)
				default:
					entry.fault("", "expected a workflow or the path of its file, found %s", n.Kind)
				}
			}
			*into = w.definitions
		},
	}
}

type workflowReader struct {
	definitions []Definition
	ids         map[string]Pos
	files       []string
}

// define takes a definition. Only what the config itself needs is checked: that
// ids differ, and that no secret is in it.
func (w *workflowReader) define(v value) {
	v.noSecrets(inDefinitions, credentialsInstead)
	d := Definition{Raw: v.node.JSON(), Node: v.node}
	if id := v.node.Get("id"); id != nil && id.Kind == String {
		d.ID = id.Text
		v.at("id", id).unique(w.ids, "another workflow has the same id")
	}
	w.definitions = append(w.definitions, d)
}

// glob reads the files that a path or a pattern names. What matches nothing is
// a fault, a pattern too: a mistyped directory would start half of a gateway.
func (w *workflowReader) glob(v value) {
	if !v.plain() {
		return
	}
	pattern := v.node.Text
	switch {
	case pattern == "":
		v.fault("", "the path is empty")
		return
	case strings.Contains(pattern, "**"):
		v.fault("name each directory, as in workflows/*/*.json", "** is not supported")
		return
	}
	paths := []string{v.resolve(pattern)}
	if strings.ContainsAny(pattern, `*?[\`) {
		v.patterns = append(v.patterns, paths[0])
		matches, err := v.options.glob(paths[0])
		if err != nil {
			v.fault("", "not a valid pattern: %s", clip(pattern))
			return
		}
		// A pattern that covers the config's own directory also matches the config.
		paths = slices.DeleteFunc(matches, func(path string) bool { return path == v.files[0] })
		if len(paths) == 0 {
			v.fault("the pattern is relative to the file that names it", "no file matches %s", clip(pattern))
			return
		}
	}
	for _, path := range paths {
		if !slices.Contains(w.files, path) {
			w.files = append(w.files, path)
			w.file(v, path)
		}
	}
}

// file reads one file of definitions that v names.
func (w *workflowReader) file(v value, path string) {
	root := v.parseFile(path, v.display(path), v.node.Pos)
	if root == nil {
		return
	}
	file := value{v.decoder, root, ""}
	switch root.Kind {
	case Object:
		w.define(file)
	case Array:
		for i, n := range root.Elements {
			if element := file.index(i); n.Kind == Object {
				w.define(element)
			} else {
				element.fault("", "expected a workflow, found %s", n.Kind)
			}
		}
	default:
		file.fault("", "expected a workflow or an array of them, found %s", root.Kind)
	}
}
