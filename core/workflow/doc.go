// Package workflow says what a workflow is and what follows from what happened
// in a run of it.
//
// A Definition is parsed and checked once. A Machine holds one run: Apply folds
// a recorded Event into it, Advance decides what follows. Both are pure: no
// clock, no store, no socket, no goroutine, no randomness. Time comes as an
// argument, jitter from the step's key, and so the same journal gives the same
// state on every machine.
//
// Each type of step is a row of one table, in kinds.go, and a file of its own.
//
// The package imports core/condition, core/template, sdk, sdk/excerpt, sdk/pointer,
// sdk/schema, sdk/suggest and sdk/value. It knows neither how events are stored nor
// how actions are called: that is the engine's part.
package workflow
