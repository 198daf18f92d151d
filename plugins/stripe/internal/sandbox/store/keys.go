package store

// Done is what was done under an idempotency key.
type Done struct {
	Account, Key string
	// Fingerprint tells one request from another.
	Fingerprint string
	// At is in Unix seconds, real time.
	At int64
	// Status and Response are what was sent back.
	Status   int
	Response []byte
}

// Done reads what was done under a key since a time (Unix seconds).
func (t *Tx) Done(account, key string, since int64) (Done, bool) {
	d := Done{Account: account, Key: key}
	found := t.row("SELECT fingerprint, at, status, response FROM keys WHERE account = ? AND key = ? AND at > ?", []any{account, key, since}, &d.Fingerprint, &d.At, &d.Status, &d.Response)
	return d, found
}

// Keep records what was done under a key, and forgets what is older than a time
// (Unix seconds).
func (t *Tx) Keep(d Done, since int64) {
	t.exec("DELETE FROM keys WHERE at <= ?", since)
	t.exec("INSERT OR REPLACE INTO keys (account, key, fingerprint, at, status, response) VALUES (?, ?, ?, ?, ?, ?)",
		d.Account, d.Key, d.Fingerprint, d.At, d.Status, d.Response)
}
