package rows

import (
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/store"
)

// Prepare reads the params of an action, which stand at a pointer: "" where they are all
// of a call's. Its errors, and those of what it returns, are *sdk.Error with pointers
// from there. It does not look at the database: what it returns is held against that
// when it is done, so that a repeat returns the first result whatever became of the
// schema since.
type Prepare func(at string, params []byte) (Prepared, error)

// Prepared is a request that was read.
type Prepared struct {
	// Digest tells it from others under the same idempotency key. It is made when it is
	// asked for: of what only reads, and of a part of a transaction, nothing is recorded.
	Digest func() string
	// Query is the name of the statement of the config that it runs, empty where it runs
	// none.
	Query string
	// Do does it, within a transaction that the caller ends, and returns the result as
	// JSON.
	Do func(tx *store.Tx) ([]byte, error)
}

// prepare is Prepare of an action: read reads its params, and do does what they ask for.
func prepare[Asked any](action, at string, params []byte, read func(at string, params []byte) (Asked, error), do func(tx *store.Tx, at string, asked Asked) ([]byte, error)) (Prepared, error) {
	asked, err := read(at, params)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{Digest: digestOf(action, params), Do: func(tx *store.Tx) ([]byte, error) { return do(tx, at, asked) }}, nil
}

// digestOf is request.Digest of an action's params, once it is asked for.
func digestOf(action string, params []byte) func() string {
	return func() string { return request.Digest(action, params) }
}
