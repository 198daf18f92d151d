package store

// Delivery is one event on its way to one target.
type Delivery struct {
	// Place orders deliveries by the creation of their events, and names this one.
	Place          int64
	Account, Event string
	Target         string
	// Attempt counts the tries so far.
	Attempt int
	// Since and At are when it was made and when it is to be tried next, in Unix
	// milliseconds of real time.
	Since, At int64
	// Body is the event as JSON.
	Body []byte
}

// AddDelivery adds a delivery.
func (t *Tx) AddDelivery(d Delivery) {
	t.exec("INSERT INTO deliveries (account, event, target, since, at, body) VALUES (?, ?, ?, ?, ?, ?)", d.Account, d.Event, d.Target, d.Since, d.At, string(d.Body))
}

// NextDelivery returns the delivery to a target that is to be tried first: of
// those that are due the oldest, else the one that is due first.
func (t *Tx) NextDelivery(target string, now int64) (Delivery, bool) {
	d := Delivery{Target: target}
	// Nearly always the first one is due, so that the others are not looked at.
	for _, which := range []string{"target = ?1 AND at <= ?2 ORDER BY seq", "target = ?1 AND at > ?2 ORDER BY at, seq"} {
		if t.row("SELECT seq, account, event, attempt, since, at, body FROM deliveries WHERE "+which+" LIMIT 1",
			[]any{target, now}, &d.Place, &d.Account, &d.Event, &d.Attempt, &d.Since, &d.At, &d.Body) {
			return d, true
		}
	}
	return d, false
}

// Delivered forgets a delivery, which arrived or is given up.
func (t *Tx) Delivered(d Delivery) { t.exec("DELETE FROM deliveries WHERE seq = ?", d.Place) }

// Retry says when a delivery is tried again (Unix milliseconds), after one more try.
func (t *Tx) Retry(d Delivery, at int64) {
	t.exec("UPDATE deliveries SET attempt = attempt + 1, at = ? WHERE seq = ?", at, d.Place)
}

// Pending counts the targets that an event has not reached yet; of all events
// when event is empty.
func (t *Tx) Pending(event string) int64 {
	var n int64
	t.row("SELECT count(*) FROM deliveries WHERE ? IN ('', event)", []any{event}, &n)
	return n
}

// Targets returns the targets that something is on its way to.
func (t *Tx) Targets() []string {
	var targets []string
	t.rows("SELECT DISTINCT target FROM deliveries", nil, func(scan func(...any) error) (bool, error) {
		var target string
		err := scan(&target)
		targets = append(targets, target)
		return true, err
	})
	return targets
}

// DropDeliveries forgets the oldest deliveries beyond keep to each target, and returns
// how many: one that is down takes no room from the others.
func (t *Tx) DropDeliveries(keep int) int64 {
	return t.exec(`DELETE FROM deliveries WHERE seq IN (SELECT seq FROM
		(SELECT seq, row_number() OVER (PARTITION BY target ORDER BY seq DESC) AS place FROM deliveries) WHERE place > ?)`, keep)
}

// StopTarget forgets what is on its way to a target.
func (t *Tx) StopTarget(target string) { t.exec("DELETE FROM deliveries WHERE target = ?", target) }

// PendingEvents are the events that have not reached every target.
func (t *Tx) PendingEvents() map[string]bool {
	pending := map[string]bool{}
	t.rows("SELECT DISTINCT event FROM deliveries", nil, func(scan func(...any) error) (bool, error) {
		var event string
		err := scan(&event)
		pending[event] = true
		return true, err
	})
	return pending
}
