// Package reconcile finds the events that a vendor has made and that never arrived, and
// takes them in.
//
// A Reconciler compares, for each webhook that asks for it, the list of the vendor with
// what is stored: by passes, one after another, each over the time since the watermark
// of the one before. A pass goes through that time in windows, the oldest first, and
// holds no more than one window in memory; one that holds too many events is split. What
// is missing is taken in as a received event is, in the same write and with the same
// run, the oldest first and at a stated rate. After each window the watermark is durable:
// a pass that a crash ends goes on from there, in whichever process claims it.
//
// The other way round, an event that was received and that a complete list does not name
// is an alarm: it bears a flag from then on.
//
// The package imports core/action, core/backoff, core/engine, core/event, core/notice,
// core/outage, core/provider, core/state, core/state/layout, core/template, core/wakeup,
// core/webhook, sdk, sdk/excerpt and sdk/value. It knows neither the config nor
// HTTP, and of vendors nothing but their list.
package reconcile
