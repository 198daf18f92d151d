package store

// Timer is something that is to happen.
type Timer struct {
	// Place orders timers of the same time, and names the timer.
	Place int64
	// Clock is the id of the test clock that it follows; empty for the sandbox's
	// own time.
	Account, Clock string
	// At is in Unix seconds of that clock.
	At int64
	// Kind and Object are what to do, and to what.
	Kind, Object string
}

// AddTimer adds a timer.
func (t *Tx) AddTimer(timer Timer) {
	t.exec("INSERT INTO timers (account, clock, at, kind, object) VALUES (?, ?, ?, ?, ?)", timer.Account, timer.Clock, timer.At, timer.Kind, timer.Object)
}

// StopTimers forgets the timers of an object, those of one kind unless kind is empty.
func (t *Tx) StopTimers(account, object, kind string) {
	t.exec("DELETE FROM timers WHERE account = ?1 AND object = ?2 AND ?3 IN ('', kind)", account, object, kind)
}

// StopClock forgets the timers that follow a test clock.
func (t *Tx) StopClock(account, clock string) {
	t.exec("DELETE FROM timers WHERE account = ? AND clock = ?", account, clock)
}

// TakeTimer forgets one timer, and returns whether it was there still.
func (t *Tx) TakeTimer(timer Timer) bool {
	return t.exec("DELETE FROM timers WHERE seq = ?", timer.Place) > 0
}

// NextTimer returns the timer of a clock that is due first. The sandbox's own
// time, with an empty clock, is one for all accounts.
func (t *Tx) NextTimer(account, clock string) (Timer, bool) {
	timer := Timer{Clock: clock}
	found := t.row("SELECT seq, account, at, kind, object FROM timers WHERE clock = ?1 AND (?1 = '' OR account = ?2) ORDER BY at, seq LIMIT 1",
		[]any{clock, account}, &timer.Place, &timer.Account, &timer.At, &timer.Kind, &timer.Object)
	return timer, found
}

// NextTimerOf returns the timer of a kind that is due first, on a clock as for
// NextTimer, and no later than until.
func (t *Tx) NextTimerOf(kind, account, clock string, until int64) (Timer, bool) {
	timer := Timer{Kind: kind, Clock: clock}
	found := t.row("SELECT seq, account, at, object FROM timers WHERE kind = ?1 AND clock = ?2 AND (?2 = '' OR account = ?3) AND at <= ?4 ORDER BY at, seq LIMIT 1",
		[]any{kind, clock, account, until}, &timer.Place, &timer.Account, &timer.At, &timer.Object)
	return timer, found
}

// Timers counts the timers.
func (t *Tx) Timers() int64 {
	var n int64
	t.row("SELECT count(*) FROM timers", nil, &n)
	return n
}
