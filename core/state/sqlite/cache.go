package sqlite

import (
	"math"

	"github.com/backflow/backflow/core/state"
)

// forever is the expiry of a record without a time to live.
const forever = math.MaxInt64

// The most entries of the cache. When one of its maps is full it is dropped: what
// is in use comes back with one query each.
const (
	maxCachedRecords  = 4096
	maxCachedJournals = 16384
)

// cache is what the writer knows of the tables, including the uncommitted changes
// of its transaction. It is never stale, because nothing else writes the file. It
// must be reset with every transaction that fails.
type cache struct {
	records  map[state.Ref]int64 // expiry of records that exist and were required
	journals map[string]journal  // journals that were appended to
	last     int64               // number of the last entry of all; 0 is unknown
	// greatest is, by bucket, an id that no id of a record exceeds;
	// greatestJournal is the same for journals. A missing entry is unknown. Ids
	// of runs are ordered by time, so that a new id seldom needs a query.
	greatest        map[string]string
	greatestJournal *string
}

// recordAdded notes that there is a record.
func (c *cache) recordAdded(bucket, id string) {
	delete(c.records, state.Ref{Bucket: bucket, ID: id})
	if greatest, found := c.greatest[bucket]; found && id > greatest {
		c.greatest[bucket] = id
	}
}

// setRecord notes when a record that exists expires.
func (c *cache) setRecord(ref state.Ref, expires int64) {
	if c.records == nil {
		c.records = map[state.Ref]int64{}
	}
	c.records[ref] = expires
}

func (c *cache) dropRecord(ref state.Ref) { delete(c.records, ref) }

// setJournal notes what is known of a journal.
func (c *cache) setJournal(id string, j journal) {
	if c.journals == nil {
		c.journals = map[string]journal{}
	}
	c.journals[id] = j
}

// journalAdded notes that there is a journal.
func (c *cache) journalAdded(id string) {
	if c.greatestJournal != nil && id > *c.greatestJournal {
		c.greatestJournal = &id
	}
}

func (c *cache) dropJournal(id string) { delete(c.journals, id) }

// trim keeps the memory bounded. It must be called between transactions: during
// one, entries must not disappear.
func (c *cache) trim() {
	if len(c.records) >= maxCachedRecords {
		c.records = nil
	}
	if len(c.journals) >= maxCachedJournals {
		c.journals = nil
	}
}

// reset drops everything, as after a transaction that failed.
func (c *cache) reset() { *c = cache{} }
