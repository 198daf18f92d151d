// Package workflow says what a workflow is and what follows from what happened
// in a run of it.
//
// A Definition is parsed and checked once. A Machine holds one run: Apply folds
// a recorded Event into it, Advance decides what follows. Both are pure: no
// clock, no store, no socket, no goroutine, no randomness. Time comes as an
// argument, jitter from the step's key, and so the same journal gives the same
// state on every machine.
//
// The package imports sdk, value, template and condition. It knows neither how
// events are kept nor how actions are called: that is the engine's part.
package workflow
