// Package state is what a gateway keeps: one atomic write primitive and a few
// reads, the same on every store.
//
// A store holds four kinds of things:
//
//   - records: a value under (bucket, id), with an optional time to live;
//   - sets: ordered members without a value, for lists and queues;
//   - journals: append-only lists of entries, numbered from 0;
//   - timers: ids in a queue, each with a due time judged by the store's clock.
//
// Ledger, inbox, runs, leases and schedules are thin layers over these, written
// once for all stores. Fencing is a condition like any other: a process's lease
// is a record, and Require makes a commit fail once that record is gone.
//
// Package state/layout lists what the layers store, by name.
//
// The package imports nothing of the project. Packages state/sqlite, state/redis
// and state/memory implement Store, and all of them pass the one suite of package
// state/statetest.
package state
