package state

import "fmt"

// Bounds returns the members that r selects as a half-open interval in byte
// order: from <= member < below. An empty below is no bound. Every store uses
// it, so that After means the same on each.
func (r Range) Bounds() (from, below string) {
	switch {
	case r.After == "":
		return "", ""
	case r.Reverse:
		return "", r.After
	default:
		// Nothing lies between a string and the same string with a zero byte.
		return r.After + "\x00", ""
	}
}

// ValidateJournal returns an error for a reading of a journal that no store can do.
func ValidateJournal(id string, limit int) error {
	if limit <= 0 {
		return fmt.Errorf("state: journal %s: %w: limit %d is not positive", id, ErrInvalid, limit)
	}
	return nil
}

// Validate returns an error for a range that no store can read.
func (r Range) Validate() error {
	if r.Limit <= 0 {
		return fmt.Errorf("state: range of %s: %w: limit %d is not positive", r.Set, ErrInvalid, r.Limit)
	}
	return nil
}
