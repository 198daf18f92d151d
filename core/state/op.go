package state

import "time"

// Kind is the kind of an op.
type Kind uint8

// The kinds of ops. A store switches over them; layers use the constructors.
const (
	KindInsert Kind = iota + 1
	KindPut
	KindDelete
	KindRequire
	KindRequireValue
	KindAdd
	KindRemove
	KindAppend
	KindDropJournal
	KindSetTimer
	KindClearTimer
	KindRequireDue
	KindReplace
)

// Op is one part of a commit. Make it with a constructor.
type Op struct {
	Kind Kind
	// Space is the bucket of a record, the name of a set, the queue of a
	// timer; empty for journals.
	Space string
	// ID is the id of a record, journal or timer, or the member of a set.
	ID    string
	Value []byte
	// TTL is the time to live of a record from the commit on; zero means that
	// it stays.
	TTL time.Duration
	// Seq is the number of a journal entry.
	Seq int
	// At is the due time of a timer; when zero, After counts from the store's
	// clock at the commit.
	At    time.Time
	After time.Duration
}

// Insert puts a record and fails if there is one already whose time to live is
// not over.
func Insert(bucket, id string, value []byte, ttl time.Duration) Op {
	return Op{Kind: KindInsert, Space: bucket, ID: id, Value: value, TTL: ttl}
}

// Put writes a record, whether it exists or not. The time to live starts anew.
func Put(bucket, id string, value []byte, ttl time.Duration) Op {
	return Op{Kind: KindPut, Space: bucket, ID: id, Value: value, TTL: ttl}
}

// Replace writes a record that exists, and fails if none exists. The record
// expires when it would have expired: its time to live is counted by the store's
// clock, not by the caller's.
func Replace(bucket, id string, value []byte) Op {
	return Op{Kind: KindReplace, Space: bucket, ID: id, Value: value}
}

// Delete removes a record if it exists.
func Delete(bucket, id string) Op { return Op{Kind: KindDelete, Space: bucket, ID: id} }

// Require fails the commit if there is no such record.
func Require(bucket, id string) Op { return Op{Kind: KindRequire, Space: bucket, ID: id} }

// RequireValue fails the commit unless the record exists and holds exactly this
// value: together with Put it is compare-and-swap.
func RequireValue(bucket, id string, value []byte) Op {
	return Op{Kind: KindRequireValue, Space: bucket, ID: id, Value: value}
}

// Add puts a member into a set, if it is not there yet.
func Add(set, member string) Op { return Op{Kind: KindAdd, Space: set, ID: member} }

// Remove takes a member out of a set, if it is there.
func Remove(set, member string) Op { return Op{Kind: KindRemove, Space: set, ID: member} }

// Append adds an entry to a journal and fails unless the journal has exactly
// seq entries: a late writer cannot overwrite entries, and no entry can be lost
// between two. Several appends to one journal in one commit are numbered
// consecutively: each counts those before it.
func Append(journal string, seq int, entry []byte) Op {
	return Op{Kind: KindAppend, ID: journal, Seq: seq, Value: entry}
}

// DropJournal removes a journal with all its entries.
func DropJournal(journal string) Op { return Op{Kind: KindDropJournal, ID: journal} }

// SetTimer sets or moves a timer to a point in time.
func SetTimer(queue, id string, at time.Time) Op {
	return Op{Kind: KindSetTimer, Space: queue, ID: id, At: at}
}

// SetTimerAfter sets or moves a timer to a time that counts from the store's clock
// at the commit.
func SetTimerAfter(queue, id string, after time.Duration) Op {
	return Op{Kind: KindSetTimer, Space: queue, ID: id, After: after}
}

// ClearTimer removes a timer if it exists.
func ClearTimer(queue, id string) Op { return Op{Kind: KindClearTimer, Space: queue, ID: id} }

// RequireDue fails the commit unless the timer exists and is due by the
// store's clock.
func RequireDue(queue, id string) Op { return Op{Kind: KindRequireDue, Space: queue, ID: id} }
