// Package memory keeps state in memory: the plain reference that the durable
// stores are compared with, and the store of tests and simulations.
//
// It is deterministic: it has no goroutine, no randomness, and no clock but
// Options.Now. The package imports core/state.
package memory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Options configure a store.
type Options struct {
	// Now is the store's clock; time.Now when nil.
	Now func() time.Time
	// Limits bound a commit; state.DefaultLimits when zero.
	Limits state.Limits
}

// Store keeps state in memory. It is safe for concurrent use.
type Store struct {
	now    func() time.Time
	limits state.Limits

	mu       sync.Mutex // guards all below
	closed   bool
	records  map[state.Ref]record
	sets     map[string][]string // sorted
	journals map[string][][]byte
	timers   map[string]map[string]int64 // queue, id, due in Unix milliseconds
}

type record struct {
	value   []byte
	expires int64 // Unix milliseconds; 0 is never
}

var (
	_ state.Store   = (*Store)(nil)
	_ state.Limited = (*Store)(nil)
)

// New makes an empty store.
func New(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limits == (state.Limits{}) {
		o.Limits = state.DefaultLimits
	}
	return &Store{
		now:      o.Now,
		limits:   o.Limits,
		records:  map[state.Ref]record{},
		sets:     map[string][]string{},
		journals: map[string][][]byte{},
		timers:   map[string]map[string]int64{},
	}
}

// Limits implements state.Limited.
func (s *Store) Limits() state.Limits { return s.limits }

// Commit implements state.Store.
func (s *Store) Commit(ctx context.Context, ops ...state.Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return state.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.limits.Validate(ops); err != nil {
		return err
	}
	now := s.now()
	appended := map[string]int{}
	for i, op := range ops {
		if !s.holds(op, now.UnixMilli(), appended) {
			return &state.ConflictError{Index: i, Op: op}
		}
	}
	for _, op := range ops {
		s.apply(op, now)
	}
	return nil
}

// holds reports whether the condition of an op holds. appended counts the appends
// before it in the commit, by journal.
func (s *Store) holds(op state.Op, now int64, appended map[string]int) bool {
	switch op.Kind {
	case state.KindInsert:
		_, found := s.record(op.Space, op.ID, now)
		return !found
	case state.KindRequire, state.KindReplace:
		_, found := s.record(op.Space, op.ID, now)
		return found
	case state.KindRequireValue:
		value, found := s.record(op.Space, op.ID, now)
		return found && string(value) == string(op.Value)
	case state.KindAppend:
		expected := len(s.journals[op.ID]) + appended[op.ID]
		appended[op.ID]++
		return op.Seq == expected
	case state.KindRequireDue:
		at, found := s.timers[op.Space][op.ID]
		return found && at <= now
	default:
		return true
	}
}

// apply makes the change of an op. A pure condition changes nothing.
func (s *Store) apply(op state.Op, now time.Time) {
	ref := state.Ref{Bucket: op.Space, ID: op.ID}
	switch op.Kind {
	case state.KindInsert, state.KindPut:
		r := record{value: append([]byte{}, op.Value...)}
		if op.TTL > 0 {
			r.expires = now.UnixMilli() + state.Millis(op.TTL)
		}
		s.records[ref] = r
	case state.KindReplace:
		if r, found := s.records[ref]; found { // unless an op before it removed it
			s.records[ref] = record{value: append([]byte{}, op.Value...), expires: r.expires}
		}
	case state.KindDelete:
		delete(s.records, ref)
	case state.KindAdd:
		set := s.sets[op.Space]
		if i, found := slices.BinarySearch(set, op.ID); !found {
			s.sets[op.Space] = slices.Insert(set, i, op.ID)
		}
	case state.KindRemove:
		set := s.sets[op.Space]
		if i, found := slices.BinarySearch(set, op.ID); found {
			s.sets[op.Space] = slices.Delete(set, i, i+1)
		}
	case state.KindAppend:
		s.journals[op.ID] = append(s.journals[op.ID], append([]byte{}, op.Value...))
	case state.KindDropJournal:
		delete(s.journals, op.ID)
	case state.KindSetTimer:
		queue := s.timers[op.Space]
		if queue == nil {
			queue = map[string]int64{}
			s.timers[op.Space] = queue
		}
		queue[op.ID] = op.DueMillis(now)
	case state.KindClearTimer:
		delete(s.timers[op.Space], op.ID)
	}
}

// record returns a record that has not expired.
func (s *Store) record(bucket, id string, now int64) ([]byte, bool) {
	ref := state.Ref{Bucket: bucket, ID: id}
	r, found := s.records[ref]
	if found && r.expires != 0 && r.expires <= now {
		delete(s.records, ref)
		return nil, false
	}
	return r.value, found
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	now := s.now().UnixMilli()
	values := make([][]byte, len(refs))
	for i, ref := range refs {
		if value, found := s.record(ref.Bucket, ref.ID, now); found {
			values[i] = append([]byte{}, value...)
		}
	}
	return values, nil
}

// Range implements state.Store.
func (s *Store) Range(ctx context.Context, r state.Range) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	from, below := r.Bounds()
	set := s.sets[r.Set]
	first, _ := slices.BinarySearch(set, from)
	last := len(set)
	if below != "" {
		last, _ = slices.BinarySearch(set, below)
	}
	if first >= last {
		return nil, nil
	}
	members := slices.Clone(set[first:last])
	if r.Reverse {
		slices.Reverse(members)
	}
	return members[:min(len(members), r.Limit)], nil
}

// Count implements state.Store.
func (s *Store) Count(ctx context.Context, sets ...string) ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	counts := make([]int, len(sets))
	for i, set := range sets {
		counts[i] = len(s.sets[set])
	}
	return counts, nil
}

// Journal implements state.Store.
func (s *Store) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if err := state.ValidateJournal(id, limit); err != nil {
		return nil, err
	}
	journal := s.journals[id]
	from = max(from, 0)
	if from >= len(journal) {
		return nil, nil
	}
	journal = journal[from:]
	journal = journal[:min(len(journal), limit)]
	entries := make([][]byte, 0, len(journal))
	for _, entry := range journal {
		entries = append(entries, append([]byte{}, entry...))
	}
	return entries, nil
}

// Due implements state.Store.
func (s *Store) Due(ctx context.Context, queue string, limit int) ([]state.Timer, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return nil, -1, err
	}
	if err := state.ValidateDue(queue, limit); err != nil {
		return nil, -1, err
	}
	now := s.now()
	timers := s.timers[queue]
	ids := slices.SortedFunc(maps.Keys(timers), func(a, b string) int {
		if timers[a] != timers[b] {
			if timers[a] < timers[b] {
				return -1
			}
			return 1
		}
		if a < b {
			return -1
		}
		return 1
	})
	var due []state.Timer
	for _, id := range ids {
		at := time.UnixMilli(timers[id]).UTC()
		if timers[id] > now.UnixMilli() {
			return due, at.Sub(now), nil
		}
		if len(due) < limit {
			due = append(due, state.Timer{ID: id, At: at})
		}
	}
	return due, -1, nil
}

// Close implements state.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// ready returns an error if the store is closed or ctx has ended.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return state.ErrClosed
	}
	return ctx.Err()
}
