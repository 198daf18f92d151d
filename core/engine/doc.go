// Package engine runs workflows durably.
//
// It owns what a pure workflow.Machine cannot do: it claims runs under the
// process's lease, makes every event durable before it counts, calls actions,
// keeps retries as stored timers, and goes on with whatever a process that ended
// left behind. It decides nothing about a run: the Machine does.
//
// An Engine joins services over one store. Each has a file, and those with a loop a
// Start and a Stop:
//
//   - starter and controls make runs and change them from outside; queries and
//     reader show them;
//   - executor works on runs: an execution is one run that this process holds;
//   - timers, queue and recovery claim runs that are due, queued, or left behind by
//     a process that ended;
//   - admission holds runs to the limits of their workflows;
//   - retention removes runs that were kept long enough.
//
// What is kept of a run, all through state.Store, is listed by core/state/layout:
// its record, its journal of events, its entries in the index, its timer, its
// inbox, and the definition that it is pinned to.
//
// The package imports core/action, core/backoff, core/outage, core/state,
// core/state/layout, core/template, core/wakeup, core/workflow, sdk, sdk/excerpt and
// sdk/value. It knows neither HTTP nor any store or integration.
package engine
