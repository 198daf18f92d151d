// Package catalog holds the named actions of the plugin: data of Stripe's operations
// under names, with bindings, params and texts.
//
// What an action is called is written down in the table; everything else of it is
// derived from Stripe's own OpenAPI description of API version 2023-10-16: package
// derive makes it, go generate writes it here, and a test holds it against the
// description. So the plugin carries finished schemas, instead of parsing six
// megabytes at every start.
//
// The package knows nothing of calls or of the gateway.
//
// The package imports nothing of the project.
package catalog

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:generate go run ./generate -dir .

//go:embed operations.json rights.json params/*.json
var files embed.FS

// Action is a named action: one operation of Stripe's API. It must not be changed.
type Action struct {
	// Name is the name of the action, and Operation the operationId.
	Name, Operation string
	// Text is one sentence that says what it does.
	Text string
	// Method and Path are those of the operation, such as
	// "/v1/customers/{customer}".
	Method, Path string
	// ID is what the id in the path is called by callers, empty if the path has none.
	// PathID is what Stripe calls it.
	ID, PathID string
	// Binding is the path of the action below the integration.
	Binding string
	// Params is the JSON Schema of the params.
	Params json.RawMessage
	// Rights are what a restricted key needs for it.
	Rights []string
	// Paged says that it returns a list that has pages.
	Paged bool
	// Metadata and Expand say what is done with these two options.
	Metadata, Expand Option
	// Update is the path of the operation that writes metadata where Metadata is OptionBefore.
	Update string
	// Example are params that work on the sandbox.
	Example json.RawMessage
	// Sensitive are members of the result, beside those of all actions, that runs do
	// not keep.
	Sensitive []string
}

// Option says what is done with an option that every action has, which Stripe takes
// with some operations alone.
type Option string

// What is done with an option.
const (
	// OptionSent is sent with the operation.
	OptionSent Option = "sent"
	// OptionIgnored has nothing to apply to: metadata of a read, expand of what is
	// deleted.
	OptionIgnored Option = "ignored"
	// OptionBefore is metadata that is written by a request of its own, before.
	OptionBefore Option = "before"
	// OptionRefused is metadata that Stripe has no place for.
	OptionRefused Option = "refused"
)

// Derived is what is derived of an action, beside the schema of its params.
type Derived struct {
	Text     string `json:"text"`
	Method   string `json:"method"`
	Path     string `json:"path"`
	Paged    bool   `json:"paged,omitempty"`
	Metadata Option `json:"metadata"`
	Expand   Option `json:"expand"`
	Update   string `json:"update,omitempty"`
	// Rights are those of the operation and of the one that writes metadata before.
	Rights []string `json:"rights,omitempty"`
}

// Group are operations with one method that need one right of a restricted key.
type Group struct {
	Method     string   `json:"method"`
	Right      string   `json:"right"`
	Operations []string `json:"operations"`
}

// Groups returns all operations that need a right, by method and right. The list must
// not be changed.
var Groups = sync.OnceValue(func() []Group {
	raw, err := files.ReadFile("rights.json")
	if err != nil {
		panic(err)
	}
	var groups []Group
	if err := json.Unmarshal(raw, &groups); err != nil {
		panic(fmt.Sprintf("rights.json: %v", err))
	}
	return groups
})

// Row is an action as the table has it: what derive starts from.
type Row struct{ Name, Operation, ID, Text string }

// Rows returns the table.
func Rows() []Row {
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = Row{r.name, r.operation, r.id, r.text}
	}
	return out
}

// Actions returns the named actions in the order in which users see them. The list
// must not be changed. It panics if the generated files do not belong to the table,
// which a test looks after.
var Actions = sync.OnceValue(func() []Action {
	raw, err := files.ReadFile("operations.json")
	if err != nil {
		panic(err)
	}
	var derived map[string]Derived
	if err := json.Unmarshal(raw, &derived); err != nil {
		panic(fmt.Sprintf("operations.json: %v", err))
	}
	actions := make([]Action, len(rows))
	for i, r := range rows {
		params, err := files.ReadFile("params/" + r.name + ".json")
		if err != nil {
			panic(err)
		}
		found := derived[r.name]
		actions[i] = Action{
			Name: r.name, Operation: r.operation, Text: found.Text, Method: found.Method, Path: found.Path,
			ID: r.id, PathID: PathID(found.Path), Binding: binding(found.Path, r.id),
			Params: params, Paged: found.Paged, Metadata: found.Metadata, Expand: found.Expand, Update: found.Update, Rights: found.Rights,
			Example: json.RawMessage(r.example), Sensitive: r.sensitive,
		}
	}
	return actions
})

// PathID is the name in braces of a path, empty if it has none.
func PathID(path string) string {
	_, after, _ := strings.Cut(path, "{")
	name, _, _ := strings.Cut(after, "}")
	return name
}

// words are words that Stripe's paths write together.
var words = strings.NewReplacer("_", "-", "invoiceitems", "invoice-items")

// binding is Stripe's path without the version, in words with hyphens, and with our
// name for the id.
func binding(path, id string) string {
	path = words.Replace(strings.TrimPrefix(path, "/v1"))
	before, after, found := strings.Cut(path, "{")
	if !found {
		return path
	}
	_, after, _ = strings.Cut(after, "}")
	return before + ":" + id + after
}
