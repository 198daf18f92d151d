package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
