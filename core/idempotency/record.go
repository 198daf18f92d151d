package idempotency

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// formatVersion is the first byte of every stored record. What follows in
// version 1: the length of the head (uvarint), the head as JSON, and the body
// of the stored response as it is.
const formatVersion = 1

// status is where a record is in its life.
type status string

const (
	statusPending status = "pending" // held, or to be repeated by the next request
	statusDone    status = "done"    // with a stored response
	statusUnknown status = "unknown" // not to be repeated
	// statusRun is that of a request that made or changed a run. Starts came
	// first, hence the word that is stored.
	statusRun status = "start"
)

// record is what is stored under a scope.
type record struct {
	Status      status      `json:"status"`
	Fingerprint Fingerprint `json:"fingerprint"`
	// CreatedAt and ExpiresAt are Unix milliseconds.
	CreatedAt int64 `json:"createdAt"`
	ExpiresAt int64 `json:"expiresAt"`
	// ID is the record's own random id; requests for runs have none.
	ID string `json:"id,omitempty"`
	// Lease is the holder's lease id; empty while the record has no holder.
	Lease string `json:"lease,omitempty"`
	// Attempt counts the holders of the record, from 1. It also makes every value of
	// a record differ from the one before, which compare-and-swap rests on.
	Attempt int `json:"attempt,omitempty"`
	// RunID is the run that the request made or changed.
	RunID string `json:"runId,omitempty"`
	// Code and Header belong to the stored response, as does body.
	Code   int         `json:"code,omitempty"`
	Header http.Header `json:"header,omitempty"`
	body   []byte
}

// released is the record in another status and without a holder.
func (r *record) released(to status) *record {
	rec := *r
	rec.Status, rec.Lease = to, ""
	return &rec
}

func (r *record) since() time.Time { return time.UnixMilli(r.CreatedAt).UTC() }

func (r *record) expires() time.Time { return time.UnixMilli(r.ExpiresAt).UTC() }

func (r *record) encode() []byte {
	// Marshal fails for values that JSON cannot hold; a record has strings and
	// integers only.
	head, _ := json.Marshal(r)
	b := make([]byte, 0, 1+binary.MaxVarintLen64+len(head)+len(r.body))
	b = append(b, formatVersion)
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	return append(b, r.body...)
}

// decodeRecord reads what encode wrote. Its errors match ErrCorrupt.
func decodeRecord(b []byte) (*record, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrCorrupt)
	}
	if b[0] != formatVersion {
		return nil, fmt.Errorf("%w: format version %d, this program knows %d", ErrCorrupt, b[0], formatVersion)
	}
	rest := b[1:]
	n, size := binary.Uvarint(rest)
	if size <= 0 || n > uint64(len(rest)-size) {
		return nil, fmt.Errorf("%w: it is cut short", ErrCorrupt)
	}
	head, body := rest[size:size+int(n)], rest[size+int(n):]
	r := &record{}
	if err := json.Unmarshal(head, r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err := r.check(len(body)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if len(body) > 0 {
		r.body = body
	}
	return r, nil
}

// check returns an error for a record that no version of this program writes.
func (r *record) check(bodyLen int) error {
	if r.ExpiresAt <= r.CreatedAt {
		return errors.New("it expires before it was made")
	}
	switch r.Status {
	case statusRun:
		if r.RunID == "" {
			return errors.New("a request for a run, without the run")
		}
	case statusPending, statusDone, statusUnknown:
		if r.ID == "" || r.Attempt < 1 {
			return errors.New("no id, or no holder ever")
		}
	default:
		return fmt.Errorf("status %q is unknown", r.Status)
	}
	if r.Status == statusDone {
		if r.Code < 100 || r.Code > 999 {
			return fmt.Errorf("%d is no HTTP status", r.Code)
		}
	} else if bodyLen > 0 {
		return errors.New("a body without an answer")
	}
	return nil
}
