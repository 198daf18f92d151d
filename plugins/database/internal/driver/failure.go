package driver

// Condition is what kind of failure a database reports. Its text is shown to callers,
// and is that of PostgreSQL's condition names where there is one
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
type Condition string

// The conditions. What becomes of each is a row of the table in package failure.
const (
	UniqueViolation     Condition = "unique_violation"
	ForeignKeyViolation Condition = "foreign_key_violation"
	NotNullViolation    Condition = "not_null_violation"
	CheckViolation      Condition = "check_violation"
	// ExclusionViolation: another row is there that this one may not stand beside.
	ExclusionViolation Condition = "exclusion_violation"
	// OtherViolation is the refusal of a constraint of another kind.
	OtherViolation Condition = "integrity_constraint_violation"
	// CardinalityViolation: a subquery has more rows than one. Where Syntax.UpsertAnyKey, it
	// is that an INSERT which ends in Syntax.Upsert met another row than that of its key.
	CardinalityViolation Condition = "cardinality_violation"
	// TypeMismatch: a value does not fit the type of its column, or is out of its range.
	TypeMismatch Condition = "datatype_mismatch"
	// Raised: a trigger or a function refused.
	Raised          Condition = "raise_exception"
	UndefinedTable  Condition = "undefined_table"
	UndefinedColumn Condition = "undefined_column"
	// TooLarge: the row or the statement is larger than the database keeps.
	TooLarge Condition = "program_limit_exceeded"
	// ReadOnly: the database, or the transaction, may only be read.
	ReadOnly Condition = "read_only_sql_transaction"
	// Denied: the account may not do this.
	Denied Condition = "insufficient_privilege"
	// Deadlock and Serialization: the database has rolled the transaction back, and it
	// may be run again at once.
	Deadlock      Condition = "deadlock_detected"
	Serialization Condition = "serialization_failure"
	// SchemaChanged: what was prepared for a statement is not right any more. The
	// transaction may be run again at once.
	SchemaChanged Condition = "invalid_sql_statement_name"
	// Locked: a lock that another has was waited for too long.
	Locked Condition = "lock_not_available"
	// Interrupted: the statement ran too long, or its call ended.
	Interrupted Condition = "query_canceled"
	// Unreachable: there is no connection, or it broke.
	Unreachable Condition = "connection_failure"
	// Busy: the database takes no further connection now.
	Busy Condition = "too_many_connections"
	// Unauthorized: the database refuses the account or its password.
	Unauthorized Condition = "invalid_authorization_specification"
	DiskFull     Condition = "disk_full"
	IOError      Condition = "io_error"
	// Passing is a failure of the database itself that may be over with the next try,
	// and Other one that says nothing of that.
	Passing Condition = "system_error"
	Other   Condition = "internal_error"
)

// Failure is what is known of an error of a database.
type Failure struct {
	Condition Condition
	// Message is for people. It may name constraints and columns, and holds no value.
	Message string
	// Constraint is the name of what refused, if the database says it.
	Constraint string
	// Columns are those that the failure is about, in the table's order, if known.
	Columns []string
	// Fault says of each of the columns what is wrong, where there is more to say
	// than the condition does.
	Fault string
}
