// Package config turns one file into one typed and checked Config.
//
// A front end parses a file into a tree of Nodes that keep their positions
// (JSON with comments and trailing commas; another format would be a second
// front end to the same tree). One declaration then gives the decoding, the
// checks, the defaults, the reference in the documentation and the JSON Schema,
// so that none of them can go stale. Every fault is collected with file, line,
// column and a hint, and all are returned at once.
//
// {{env.X}} and {{file:PATH}} are expanded here, in the few fields that may
// hold a secret, and nowhere else: workflows and webhook actions are handed on
// as they are written, and a secret in them is a fault.
//
// The files build on each other in this order; each uses only those before it:
//
//   - position, node, fault, json: a file becomes a tree, or faults;
//   - secret, options, decoder, value, placeholder: what one load shares, and one
//     value of it with its faults and its placeholders;
//   - description, name, schema, scalar: the grammar of declarations;
//   - server, auth, credential, plugin, state, definition, webhook, schedule,
//     custom: one section of the config each, its type and its declaration;
//   - config, load: the whole.
//
// A new section is a file of its own, a field of Config and a key in its
// declaration.
//
// The package imports core/access, core/egress, core/workflow, sdk/excerpt,
// sdk/litter, sdk/suggest and sdk/value. Of core/workflow it takes the names of step
// types. It does not know what an integration, a workflow step or a template is:
// definitions and credentials are handed on as JSON, together with the positions that
// later checks need to say where a fault is.
package config
