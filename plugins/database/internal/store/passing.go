package store

import (
	"errors"
	"io"
	"net"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// IsPassing reports whether an error of Create or Open is that of a database which may be
// there a little later, as when its server restarts: it cannot be reached, or takes no
// connection yet, or others hold its locks. What is wrong with the config, the account or
// a migration is not so.
func (s *Settings) IsPassing(err error) bool {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	switch s.Database.Classify(err, nil).Condition {
	case driver.Busy, driver.Locked, driver.Deadlock, driver.Serialization, driver.Passing:
		return true
	case driver.Unreachable: // which is also all that is no error of the database
		var said interface{ SQLState() string }
		return errors.As(err, &said)
	}
	return false
}
