// Package compile makes a config, with its workflows and plugins, into a Plan:
// parsed, checked and ready to run, with nothing running yet.
//
// Everything wrong is collected as faults with their places. What plugins publish
// is asked of the plugins themselves, through a launcher that the caller gives,
// and never with a credential. A Plan is what a server runs and what `validate`
// judges.
//
// The package imports core/action, core/config, core/custom, core/engine,
// core/plugin, core/plugin/credential, core/schedule, core/schema, core/template, core/value,
// core/webhook, core/workflow, sdk, sdk/pointer and sdk/suggest. It opens no store, serves
// nothing and keeps no plugin running.
package compile
