// Package compile makes a config, with its workflows and plugins, into a Plan:
// parsed, checked and ready to run, with nothing running yet.
//
// Everything wrong is collected as faults with their places. What plugins publish
// is asked of the plugins themselves, through a launcher that the caller gives,
// and never with a credential, but for CheckUses. A Plan is what a server runs and what `validate`
// judges.
//
// The package imports core/access, core/action, core/config, core/custom,
// core/destination, core/egress, core/engine, core/event, core/notice, core/plugin,
// core/plugin/credential, core/provider, core/reconcile, core/schedule, core/template, core/webhook,
// core/workflow, sdk, sdk/pointer, sdk/schema, sdk/suggest and sdk/value. It opens no
// store, serves nothing and keeps no plugin running.
package compile
