// Package template renders JSON values that hold placeholders: {{input.amount}}.
//
// A template is compiled once, from a parsed JSON value, with every fault
// reported at its place, and rendered many times, also concurrently. Its
// language is described for users in docs/templates.md. In short:
//
//	{{root.path[0]["key"]}}   the value there; a missing one is an error
//	{{a ?? b ?? "default"}}   the first that is neither missing nor null
//	{{a.b?}}                  leaves the field out when missing
//	{{"{{"}}                  literal text, here two braces
//
// A string that is exactly one placeholder becomes the value with its JSON
// type, numbers exactly as written; in a longer string the value is rendered
// as text. Only the template is ever searched for placeholders: what data
// holds is copied and never expanded.
//
// {{results[0].id}} is for an integration, and left as it is written where the options
// say so. {{env.X}} and {{file:...}} stand for secrets and belong to the config, which
// resolves them in its own fields; here they are faults.
//
// The package imports sdk/results, sdk/suggest and sdk/value. It must not know where the data come
// from, nor what becomes of the result.
package template
