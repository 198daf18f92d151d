package statement

import (
	"fmt"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// KeysTable is the name of the table of idempotency keys. Syntax.KeysTable says
// what its columns are.
const KeysTable = "backflow_keys"

// LocksTable is the name of the table of locks, for databases that have one: see
// Syntax.LockAndFind.
const LocksTable = "backflow_locks"

// Keys are the statements about the table of idempotency keys.
type Keys struct {
	// Probe succeeds if the table has every column, and returns no row.
	Probe string
	// Lock waits for other transactions with the key; empty where there is
	// nothing to do. See Syntax.LockKey.
	Lock string
	// Find returns digest and result of a key.
	Find string
	// LockAndFind is both in one, empty where they are two: see Syntax.LockAndFind.
	LockAndFind string
	// Record inserts a key, its digest, its result and the time.
	Record string
	// Oldest lists the oldest keys, up to the batch, each with the time at which it was
	// recorded.
	Oldest string
	// Claim locks a key, and returns it, unless another transaction has locked it; empty
	// where the whole database is locked already.
	Claim string
	// Remove deletes a key.
	Remove string
}

// ForKeys writes the statements about idempotency keys.
func ForKeys(s *driver.Syntax, batch int) Keys {
	p := s.Placeholder
	keys := Keys{
		Probe:       "SELECT idempotency_key, digest, result, recorded_at FROM " + KeysTable + " WHERE 1 = 0",
		Lock:        s.LockKey,
		LockAndFind: s.LockAndFind,
		Find:        "SELECT digest, result FROM " + KeysTable + " WHERE idempotency_key = " + p(1),
		Record:      "INSERT INTO " + KeysTable + " (idempotency_key, digest, result, recorded_at) VALUES (" + p(1) + ", " + p(2) + ", " + p(3) + ", " + p(4) + ")",
		Oldest:      fmt.Sprintf("SELECT idempotency_key, recorded_at FROM "+KeysTable+" ORDER BY recorded_at LIMIT %d", batch),
		Remove:      "DELETE FROM " + KeysTable + " WHERE idempotency_key = " + p(1),
	}
	if s.SkipLocked != "" {
		keys.Claim = "SELECT idempotency_key FROM " + KeysTable + " WHERE idempotency_key = " + p(1) + " " + s.SkipLocked
	}
	return keys
}
