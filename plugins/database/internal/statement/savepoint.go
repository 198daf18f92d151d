package statement

import "github.com/backflow/backflow/plugins/database/internal/driver"

const savepoint = "backflow"

// Savepoint marks where a transaction is, for RollbackToSavepoint.
func Savepoint(s *driver.Syntax) *Text {
	t := NewText(s)
	t.Add("SAVEPOINT ", s.Identifier(savepoint))
	return t
}

// RollbackToSavepoint undoes what the transaction did since its last Savepoint.
func RollbackToSavepoint(s *driver.Syntax) *Text {
	t := NewText(s)
	t.Add("ROLLBACK TO SAVEPOINT ", s.Identifier(savepoint))
	return t
}
