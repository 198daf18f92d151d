// Package failure makes the errors of calls: one table says what becomes of each
// condition that a database reports, and where in the params it is.
//
// The package imports plugins/database/internal/driver, sdk, sdk/excerpt, sdk/pointer
// and sdk/suggest.
package failure

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// treatment is what becomes of a condition.
type treatment struct {
	code sdk.Code
	// retryable: the same call may succeed later; after is the least wait before.
	retryable bool
	after     time.Duration
	// constraint is the kind of constraint that refused, empty for none.
	constraint string
	// fault says of each column what is wrong with its value, empty for a condition
	// that is not about values.
	fault string
	// definite: the database refused, at COMMIT too, so that nothing was changed.
	definite bool
}

// RetryAfter is when a call is to be made again that met a lock of another process, or
// a database that cannot be reached. It is longer than the gateway lets an HTTP request
// wait for a repeat.
const RetryAfter = 2 * time.Second

var treatments = map[driver.Condition]treatment{
	driver.UniqueViolation:      {code: sdk.CodeConflict, constraint: "unique", fault: "must be unique, and another row has it", definite: true},
	driver.ForeignKeyViolation:  {code: sdk.CodeConflict, constraint: "foreignKey", definite: true},
	driver.NotNullViolation:     {code: sdk.CodeInvalidParams, constraint: "notNull", fault: "must not be null", definite: true},
	driver.CheckViolation:       {code: sdk.CodeInvalidParams, constraint: "check", fault: "refused by a check", definite: true},
	driver.ExclusionViolation:   {code: sdk.CodeConflict, constraint: "exclusion", fault: "another row excludes it", definite: true},
	driver.OtherViolation:       {code: sdk.CodeInvalidParams, constraint: "constraint", fault: "refused by a constraint", definite: true},
	driver.CardinalityViolation: {code: sdk.CodeUpstream},
	driver.TypeMismatch:         {code: sdk.CodeInvalidParams, constraint: "type", fault: "does not fit the column's type", definite: true},
	driver.Raised:               {code: sdk.CodeRejected, constraint: "trigger", definite: true},
	driver.UndefinedTable:       {code: sdk.CodeInvalidParams, definite: true},
	driver.UndefinedColumn:      {code: sdk.CodeInvalidParams, definite: true},
	driver.TooLarge:             {code: sdk.CodeRejected},
	driver.ReadOnly:             {code: sdk.CodeForbidden},
	driver.Denied:               {code: sdk.CodeForbidden},
	driver.Deadlock:             {code: sdk.CodeConflict, retryable: true, after: time.Second, definite: true},
	driver.Serialization:        {code: sdk.CodeConflict, retryable: true, after: time.Second, definite: true},
	driver.SchemaChanged:        {code: sdk.CodeUnavailable, retryable: true, after: time.Second, definite: true},
	driver.Locked:               {code: sdk.CodeUnavailable, retryable: true, after: RetryAfter},
	driver.Interrupted:          {code: sdk.CodeTimeout, retryable: true},
	driver.Unreachable:          {code: sdk.CodeUnavailable, retryable: true, after: RetryAfter},
	driver.Busy:                 {code: sdk.CodeUnavailable, retryable: true, after: RetryAfter},
	driver.Unauthorized:         {code: sdk.CodeCredentials},
	driver.DiskFull:             {code: sdk.CodeUpstream, retryable: true},
	driver.IOError:              {code: sdk.CodeUpstream, retryable: true},
	driver.Passing:              {code: sdk.CodeUpstream, retryable: true},
	driver.Other:                {code: sdk.CodeUpstream},
}

// Definite reports whether nothing was changed even if the failure was that of COMMIT.
func Definite(f driver.Failure) bool { return treatments[f.Condition].definite }

// Of returns the error of a call that failed before COMMIT: nothing was changed. place
// is the pointer of the object with a value for each column, such as "/data". No error
// is final: another row, or another schema, and the same call with the same key
// succeeds.
func Of(f driver.Failure, table *driver.Table, place string) *sdk.Error {
	t := treatments[f.Condition]
	e := &sdk.Error{Code: t.code, Message: f.Message, Outcome: sdk.OutcomeNotExecuted, Retryable: t.retryable, RetryAfter: t.after}
	if text := f.Fault; text != "" || t.fault != "" {
		if text == "" {
			text = t.fault
		}
		for _, column := range f.Columns {
			e.Faults = append(e.Faults, sdk.Fault{Pointer: pointer.Join(place, column), Message: text})
		}
		if len(e.Faults) == 0 && t.code == sdk.CodeInvalidParams {
			e.Faults = []sdk.Fault{{Pointer: place, Message: text}}
		}
	}
	details := detailsOf{Code: f.Condition, Constraint: t.constraint, ConstraintName: f.Constraint, Columns: f.Columns, Retryable: t.retryable}
	if table != nil {
		details.Table = table.Name
	}
	// It has texts and flags alone, which JSON can write.
	e.Details, _ = json.Marshal(details)
	return e
}

// detailsOf are the database's own fields of an error.
type detailsOf struct {
	Code           driver.Condition `json:"code"`
	Table          string           `json:"table,omitempty"`
	Constraint     string           `json:"constraint,omitempty"`
	ConstraintName string           `json:"constraintName,omitempty"`
	Columns        []string         `json:"columns,omitempty"`
	Retryable      bool             `json:"retryable"`
}

// Internal returns the error of what can only fail through a bug.
func Internal(operation string, err error) *sdk.Error {
	return sdk.Refuse(sdk.CodeInternal, "%s: %v", operation, err)
}

// Closed returns the error of a table that is closed to callers.
func Closed(place, format string, args ...any) *sdk.Error {
	e := sdk.Refuse(sdk.CodeForbidden, format, args...)
	e.Faults = []sdk.Fault{{Pointer: place, Message: e.Message}}
	return e
}

// Fault is a fault of the params at a place.
func Fault(place, format string, args ...any) sdk.Fault {
	return sdk.Fault{Pointer: place, Message: fmt.Sprintf(format, args...)}
}
