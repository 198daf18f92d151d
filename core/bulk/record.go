package bulk

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk"
)

// formatVersion is the version of records and chunks.
const formatVersion = 1

// chunkSize is how many items a chunk has.
const chunkSize = 100

// record is what is stored of a bulk beside its items.
type record struct {
	Version   int    `json:"v"`
	ID        string `json:"id"`
	Action    Action `json:"action"`
	Filter    Filter `json:"filter"`
	Status    Status `json:"status"`
	CallerID  string `json:"callerId"`
	Caller    string `json:"caller"`
	RequestID string `json:"requestId,omitempty"`
	// Permission is that of Request, nil where it has none, and Unknown that too.
	Permission []string `json:"permission,omitempty"`
	Unknown    bool     `json:"unknown,omitempty"`
	// Lease is that of the process which works on the bulk; empty where none does.
	Lease string `json:"lease,omitempty"`
	// Revision counts the writes: no two records of a bulk are the same bytes.
	Revision int `json:"revision"`
	// Next is the index of the first item that was not dealt with.
	Next       int              `json:"next"`
	Counts     Counts           `json:"counts"` // but for Pending
	Reasons    map[sdk.Code]int `json:"reasons,omitempty"`
	CreatedAt  time.Time        `json:"createdAt"`
	StartedAt  time.Time        `json:"startedAt,omitzero"`
	FinishedAt time.Time        `json:"finishedAt,omitzero"`
}

// chunk holds some of the items.
type chunk struct {
	Version int          `json:"v"`
	Items   []storedItem `json:"items"`
}

// storedItem is an item, with its result once it has one.
type storedItem struct {
	Run     string   `json:"run,omitempty"`
	Event   string   `json:"event,omitempty"` // its uid, of a replay
	Result  Result   `json:"result,omitempty"`
	Code    sdk.Code `json:"code,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	RerunAs string   `json:"rerunAs,omitempty"`
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("bulk: %v", err)) // texts, numbers and times always encode
	}
	return data
}

func decodeRecord(data []byte) (*record, error) {
	rec := &record{}
	if err := json.Unmarshal(data, rec); err != nil {
		return nil, fmt.Errorf("bulk: record: %w", err)
	}
	if rec.Version != formatVersion {
		return nil, fmt.Errorf("bulk: record of %s has format %d, this program reads %d", rec.ID, rec.Version, formatVersion)
	}
	return rec, nil
}

func decodeChunk(data []byte) (*chunk, error) {
	c := &chunk{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("bulk: chunk: %w", err)
	}
	if c.Version != formatVersion {
		return nil, fmt.Errorf("bulk: a chunk has format %d, this program reads %d", c.Version, formatVersion)
	}
	return c, nil
}

// chunkID is the id of the chunk with that number.
func chunkID(bulk string, n int) string { return bulk + "/" + strconv.Itoa(n) }

// itemID is the id of the record that an item took effect.
func itemID(bulk string, index int) string { return bulk + "/" + strconv.Itoa(index) }

// permission is what the caller must have at the time of each item.
func (r *record) permission() []string {
	if r.Permission != nil {
		return r.Permission
	}
	return r.Action.Permission()
}

// view is the bulk as it is shown.
func (r *record) view() Bulk {
	counts := r.Counts
	counts.Pending = counts.Total - counts.Done - counts.Failed - counts.Skipped
	return Bulk{
		ID: r.ID, Action: r.Action, Filter: r.Filter, Status: r.Status, Caller: Caller{ID: r.CallerID, Name: r.Caller},
		Permission: r.permission(), Counts: counts, Reasons: maps.Clone(r.Reasons),
		CreatedAt: r.CreatedAt, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, ExpiresAt: r.CreatedAt.Add(Retention),
	}
}

// replaceOps returns the ops that turn the record, which is stored as data, into
// what change makes of it, with its entries: that it is running, and that it is the
// running one of its caller. The first is their condition.
func (r *record) replaceOps(data []byte, next *record) []state.Op {
	next.Revision = r.Revision + 1
	ops := []state.Op{
		state.RequireValue(layout.BucketBulk, r.ID, data),
		state.Replace(layout.BucketBulk, r.ID, encode(next)),
	}
	switch {
	case r.Status != StatusRunning && next.Status == StatusRunning:
		ops = append(ops, state.Add(layout.SetBulksRunning, r.ID))
	case r.Status == StatusRunning && next.Status != StatusRunning:
		ops = append(ops, state.Remove(layout.SetBulksRunning, r.ID), state.Delete(layout.BucketBulkCaller, r.CallerID))
	}
	return ops
}
