package sqlite

import (
	"math"

	"github.com/backflow/backflow/core/state"
)

// forever is the expiry of a record without a time to live.
const forever = math.MaxInt64

// The most that is remembered. When full, all is forgotten: what is in use
// comes back with one look-up each.
const (
	memoRecords  = 4096
	memoJournals = 16384
)

// memo is what the writer knows of the tables, uncommitted changes of its
// transaction included. It can be trusted because nobody else writes the file;
// it must be forgotten with every transaction that fails.
type memo struct {
	records  map[state.Ref]int64 // expiry of records that exist and were required
	journals map[string]journal  // journals that were appended to
	last     int64               // number of the last entry of all; 0 is unknown
	// No id is greater than these, of the records of a bucket, and of journals;
	// what is not there is unknown. Ids of runs are ordered by time, so that it
	// is seldom necessary to look for a new one.
	greatest        map[string]string
	greatestJournal *string
}

// put notes that there is a record.
func (m *memo) put(bucket, id string) {
	delete(m.records, state.Ref{Bucket: bucket, ID: id})
	if greatest, known := m.greatest[bucket]; known && id > greatest {
		m.greatest[bucket] = id
	}
}

func (m *memo) record(ref state.Ref, expires int64) {
	if m.records == nil {
		m.records = map[state.Ref]int64{}
	}
	m.records[ref] = expires
}

func (m *memo) dropRecord(ref state.Ref) { delete(m.records, ref) }

func (m *memo) journal(id string, j journal) {
	if m.journals == nil {
		m.journals = map[string]journal{}
	}
	m.journals[id] = j
}

// began notes that there is a journal.
func (m *memo) began(id string) {
	if m.greatestJournal != nil && id > *m.greatestJournal {
		m.greatestJournal = &id
	}
}

func (m *memo) dropJournal(id string) { delete(m.journals, id) }

// trim keeps the memory bounded. It is for the beginning of a transaction: within
// one, nothing is forgotten.
func (m *memo) trim() {
	if len(m.records) >= memoRecords {
		m.records = nil
	}
	if len(m.journals) >= memoJournals {
		m.journals = nil
	}
}

func (m *memo) forget() { *m = memo{} }
