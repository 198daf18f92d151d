// Package sim runs whole gateways in virtual time and lets everything go wrong
// that can: a deterministic simulation.
//
// A seed makes a config, and two gateways that run it over one store in memory,
// each a server.Server as the program starts it; clients that start, signal, cancel,
// retry and rerun runs, one by one and in bulks, call actions and send events; and faults. All of it runs in a bubble of testing/synctest on one processor, so
// that minutes take milliseconds. Invariants are checked at every commit, at
// every call, and at the end, after faults have stopped and everything has had
// its time.
//
//	go test ./test/sim -run TestSim -sim.seed=N -v
//
// repeats a seed and prints its trace. docs/reliability.md says what is random in
// it, and what is not.
package sim
