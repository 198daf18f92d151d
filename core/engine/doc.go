// Package engine runs workflows durably.
//
// It owns what a pure workflow.Machine cannot do: it claims runs under the
// process's lease, makes every event durable before it counts, calls actions,
// keeps retries as stored timers, and takes up again whatever a process that
// ended left behind. It decides nothing about a run: the Machine does.
//
// What is kept of a run, all through state.Store:
//
//   - record ("run", id): the head, with status and holder;
//   - journal id: the events;
//   - set "runs/WORKFLOW": ids, for lists, in the order of time; set "workflows"
//     has the names;
//   - sets "queued/WORKFLOW", "held/GROUP", "waiting": ids of the runs with that
//     status;
//   - sets "failed", "cancelled": "ID/WORKFLOW" of the runs with that status;
//   - set "running": "ID/LEASE" of the runs that a process holds;
//   - sets "ended/succeeded", "ended/failed": "TIME/ID" of the runs that ended,
//     but for those that succeeded promptly;
//   - timer queue "run": when a waiting run goes on;
//   - record ("definition", hash): the definitions that runs are pinned to.
//
// The package imports core/action, core/backoff, core/outage, core/state, core/template,
// core/value, core/workflow and sdk. It knows neither HTTP nor any store or
// integration.
package engine
