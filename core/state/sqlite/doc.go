// Package sqlite keeps state in one SQLite file: the default store.
//
// One goroutine writes. It gathers what many callers want written into one
// transaction (group commit) and checks each commit's conditions in order. All
// callers get their result after the sync. A commit sees those before it in the
// same transaction, and a conflict leaves out only its own commit. Reads run
// beside the writer on connections of their own.
//
// Durability: WAL with synchronous FULL, so a commit that returned survives the
// loss of the process, of the system and of power, as far as the disk keeps
// what it has acknowledged. A second process on the same file is refused by a
// lock that the kernel drops when its holder dies. Once a second the writer
// checks that the files still have their names, and writes nothing if not.
//
// The package imports core/state, core/state/internal/groupcommit and
// sdk/samefile. It knows
// nothing of what is kept.
package sqlite
