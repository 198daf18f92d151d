// Package schedule starts runs of workflows at times of the clock.
//
// A Cron says when: a cron expression in a time zone. A Scheduler keeps the next
// tick of each schedule in the store, as a record and as a timer that is judged
// by the store's clock, and starts the run of a tick in the write that sets the
// one after it. So each tick starts one run, however many gateways there are,
// and ticks that were missed are known.
//
// The package imports core/engine, core/outage, core/state, core/state/layout, core/wakeup,
// sdk and sdk/value. It knows neither the config nor any store.
package schedule
