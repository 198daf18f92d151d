package store

import (
	"fmt"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/sdk"
)

// DefaultLockWait is how long a call waits for a write lock that another process
// holds. Beyond it the call fails as unavailable and is not executed.
const DefaultLockWait = 5 * time.Second

// writeLock is what is known of the lock of a database that other processes write
// too. Calls queue for one connection: if each of them waited for as long as it
// may, one behind the other, the last would run out of its own time first. So the
// time is that of the lock: while it is known to be held, a call tries once. It
// is safe for concurrent use.
type writeLock struct {
	now func() time.Time
	// longest is how long it is waited for.
	longest time.Duration

	mu sync.Mutex
	// heldSince is when the first of the calls that did not get the lock asked for
	// it, and heldUntil when the last of them gave up; zero once one has got it.
	heldSince, heldUntil time.Time
}

// wait is how long the next call waits.
func (l *writeLock) wait() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if l.heldSince.IsZero() || now.Sub(l.heldUntil) > l.longest { // who has it now is another
		return l.longest
	}
	return min(max(0, l.longest-now.Sub(l.heldSince)), l.longest)
}

func (l *writeLock) taken() {
	l.mu.Lock()
	l.heldSince, l.heldUntil = time.Time{}, time.Time{}
	l.mu.Unlock()
}

// refused returns the error of a call that asked for the lock at a time and did not
// get it.
func (l *writeLock) refused(asked time.Time) *sdk.Error {
	l.mu.Lock()
	if l.heldSince.IsZero() || asked.Sub(l.heldUntil) > l.longest {
		l.heldSince = asked
	}
	l.heldUntil = l.now()
	l.mu.Unlock()
	return failure.Of(driver.Failure{
		Condition: driver.Locked,
		Message:   fmt.Sprintf("another process has held the database's write lock for longer than %s", l.longest),
	}, nil, "")
}
