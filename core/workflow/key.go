package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
)

// StepKey derives the idempotency key of a step's effect: SHA-256 over the
// length-prefixed run id, step path and generation, in hexadecimal. The path
// holds loop indices. The key depends on neither attempt nor process, so every
// replica sends the same one, and length prefixes keep two different triples
// from running together into one.
func StepKey(runID, path string, generation int) string {
	buf := make([]byte, 0, 96)
	buf = binary.AppendUvarint(buf, uint64(len(runID)))
	buf = append(buf, runID...)
	buf = binary.AppendUvarint(buf, uint64(len(path)))
	buf = append(buf, path...)
	buf = binary.AppendUvarint(buf, uint64(generation))
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:])
}

// childID derives the id of a run that a step starts: a UUIDv7 (RFC 9562) with
// the time given and, in place of randomness, the step's key. So ids order by
// time, and the same decision made again starts the same run.
func childID(now time.Time, key string) string {
	sum := sha256.Sum256([]byte("child/" + key))
	var id uuid.UUID
	copy(id[:], sum[:16])
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
