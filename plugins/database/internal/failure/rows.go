package failure

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/backflow/backflow/sdk"
)

// TooMany returns the error of a call about more rows of a table than it may be about.
// more says that there are more than the count; by is put before the bound.
func TooMany(table string, count int64, more bool, by string, most int) *sdk.Error {
	counted := fmt.Sprint(count)
	if more {
		counted = "more than " + counted
	}
	e := sdk.Refuse(sdk.CodeTooManyRows, "%s rows of table %q match, which are more than %s%d", counted, table, by, most)
	e.Details, _ = json.Marshal(struct { // it has texts, numbers and flags alone
		Code        sdk.Code `json:"code"`
		Table       string   `json:"table"`
		Count       int64    `json:"count"`
		More        bool     `json:"more,omitempty"`
		MaxAffected int      `json:"maxAffected"`
		Retryable   bool     `json:"retryable"`
	}{e.Code, table, count, more, most, false})
	return e
}

// Unmet returns the error of a precondition that a row does not meet. The faults are at
// the places of what is not met, which is about the columns.
func Unmet(table string, columns []string, faults []sdk.Fault) *sdk.Error {
	e := sdk.Refuse(sdk.CodePreconditionFailed, "a row of table %q is not as it must be: %s", table, list(columns))
	e.Faults = faults
	e.Details, _ = json.Marshal(struct { // it has texts and flags alone
		Code      sdk.Code `json:"code"`
		Table     string   `json:"table"`
		Columns   []string `json:"columns"`
		Retryable bool     `json:"retryable"`
	}{e.Code, table, columns, false})
	return e
}

// NoRow returns the error of a row that is not there.
func NoRow(table string) *sdk.Error {
	e := sdk.Refuse(sdk.CodeNotFound, "table %q has no such row", table)
	e.Details, _ = json.Marshal(struct { // it has texts and flags alone
		Code      sdk.Code `json:"code"`
		Table     string   `json:"table"`
		Retryable bool     `json:"retryable"`
	}{e.Code, table, false})
	return e
}

func list(columns []string) string {
	text := ""
	for i, column := range columns {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("column %q", column)
	}
	return text
}

// Together returns the error of several parts of one request, of which each is nil or
// the error of that part: all faults of the params, or the first error of another kind.
func Together(errs ...error) error {
	var faults []sdk.Fault
	for _, err := range errs {
		invalid, ok := errors.AsType[*sdk.Error](err)
		switch {
		case err == nil:
		case !ok || invalid.Code != sdk.CodeInvalidParams:
			return err
		default:
			faults = append(faults, invalid.Faults...)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return Invalid(faults[:min(len(faults), MaxFaults)]...)
}
