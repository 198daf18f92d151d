package state

import "fmt"

// Bounds gives the members that r selects as a half-open interval in byte
// order: from <= member < below. An empty below is no bound. Stores use it, so
// that Prefix and After mean the same on each.
func (r Range) Bounds() (from, below string) {
	from, below = r.Prefix, successor(r.Prefix)
	if r.After == "" {
		return from, below
	}
	if r.Reverse {
		if below == "" || r.After < below {
			below = r.After
		}
		return from, below
	}
	// Nothing lies between a string and the same string with a zero byte.
	if next := r.After + "\x00"; next > from {
		from = next
	}
	return from, below
}

// Validate reports a range that no store can answer.
func (r Range) Validate() error {
	if r.Limit <= 0 {
		return fmt.Errorf("state: range of %s: %w: limit %d is not positive", r.Set, ErrInvalid, r.Limit)
	}
	return nil
}

// successor is the least string that is greater than every string with this
// prefix; empty if there is none.
func successor(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
