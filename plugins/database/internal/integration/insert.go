package integration

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/dialect"
	"github.com/backflow/backflow/sdk"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/pressly/goose/v3"
)

const actionInsert = "insert"

func insertAction() sdk.ActionSpec {
	return sdk.ActionSpec{
		Name:        actionInsert,
		Description: "Inserts one row and answers it as stored.",
		Params: json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "table": { "type": "string", "minLength": 1, "description": "The table, named as in the database." },
    "data": { "type": "object", "description": "A value for each column to set, by the column's name." }
  },
  "required": ["table", "data"],
  "additionalProperties": false
}`),
		Result:      json.RawMessage(`{ "type": "object", "description": "The row as stored: every column of the table, in order." }`),
		Writes:      true,
		Repeat:      sdk.RepeatTransactional,
		KeyLifetime: keyLifetime,
		Examples: []sdk.Example{{
			Params: json.RawMessage(`{"table":"payments","data":{"stripe_id":"pi_123","amount":2000}}`),
		}},
	}
}

// insert runs the action. The key is looked at before the params are held
// against the schema, so that a repeat is answered whatever became of the
// table since.
func (s *store) insert(ctx context.Context, call sdk.Call) ([]byte, error) {
	params, err := readInsertParams(call.Params)
	if err != nil {
		return nil, err
	}
	return s.once(ctx, call.IdempotencyKey, params.digest(), func(conn *sql.Conn) ([]byte, error) {
		table, columns, values, err := s.resolve(ctx, conn, params)
		if err != nil {
			return nil, err
		}
		row, err := s.dialect.Insert(ctx, conn, table, columns, values)
		switch {
		case errors.Is(err, dialect.ErrNoRow):
			return nil, &sdk.Error{
				Code:    sdk.CodeConflict,
				Message: fmt.Sprintf("table %q let no row come to be: a trigger or an ON CONFLICT IGNORE passed over it", table.Name),
				Outcome: sdk.OutcomeNotExecuted,
				Final:   true,
			}
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, s.dialect.Classify(err, table)
		}
		return s.renderRow(table, row)
	})
}

// resolve holds the params against the real schema and answers what to bind.
// It finds every fault, not the first.
func (s *store) resolve(ctx context.Context, conn *sql.Conn, params insertParams) (*dialect.Table, []dialect.Column, []any, error) {
	table, err := s.table(ctx, conn, params.table)
	if err != nil {
		return nil, nil, nil, err
	}
	var faults []sdk.Fault
	var columns []dialect.Column
	var values []any
	for _, given := range params.data {
		fault := func(format string, args ...any) {
			faults = append(faults, sdk.Fault{Pointer: dialect.DataPointer(given.name), Message: fmt.Sprintf(format, args...)})
		}
		column, ok := table.Column(given.name)
		if !ok {
			fault("table %q has no column %s%s", table.Name, shown(given.name), suggestion(given.name, table.ColumnNames()))
			continue
		}
		if column.Generated {
			fault("column %q is computed by the database and takes no value", column.Name)
			continue
		}
		value, err := s.dialect.Bind(column, given.value)
		if err != nil {
			fault("column %q (%s) %v", column.Name, declared(column), err)
			continue
		}
		columns = append(columns, column)
		values = append(values, value)
	}
	if len(faults) > 0 {
		return nil, nil, nil, invalid(faults...)
	}
	return table, columns, values, nil
}

// table looks up a table by its exact name. The plugin's own tables are not
// for callers: who writes backflow_keys decides what a repeat answers.
func (s *store) table(ctx context.Context, conn *sql.Conn, name string) (*dialect.Table, error) {
	if isOwn(name) {
		return nil, invalid(sdk.Fault{Pointer: "/table", Message: fmt.Sprintf("table %q belongs to Backflow itself", name)})
	}
	table, err := s.dialect.Describe(ctx, conn, name)
	if err == nil {
		return table, nil
	}
	if !errors.Is(err, dialect.ErrNoTable) {
		return nil, fmt.Errorf("describe table: %w", err)
	}
	names, err := s.dialect.TableNames(ctx, conn)
	if err != nil {
		return nil, err
	}
	var candidates []string
	for _, candidate := range names {
		if !isOwn(candidate) {
			candidates = append(candidates, candidate)
		}
	}
	return nil, invalid(sdk.Fault{
		Pointer: "/table",
		Message: fmt.Sprintf("there is no table %s to insert into%s", shown(name), suggestion(name, candidates)),
	})
}

func isOwn(table string) bool {
	return strings.EqualFold(table, keysTable) || strings.EqualFold(table, goose.DefaultTablename)
}

func declared(column dialect.Column) string {
	if column.Type == "" {
		return "no type"
	}
	return column.Type
}

// renderRow writes the row as a JSON object, columns in the table's order.
func (s *store) renderRow(table *dialect.Table, row []any) ([]byte, error) {
	body := []byte{'{'}
	for i, column := range table.Columns {
		if i > 0 {
			body = append(body, ',')
		}
		var err error
		if body, err = jsontext.AppendQuote(body, strings.ToValidUTF8(column.Name, "\uFFFD")); err != nil {
			return nil, internal("write the row", err)
		}
		body = append(body, ':')
		if body, err = s.dialect.Render(body, column, row[i]); err != nil {
			return nil, internal("write the row", err)
		}
	}
	return append(body, '}'), nil
}
