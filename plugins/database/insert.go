package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/pressly/goose/v3"
)

const actionInsert = "insert"

// insertAction is the action insert of the plugin.
func (p *plugin) insertAction() sdk.Part {
	return action{
		Name:        actionInsert,
		Description: "Inserts one row and answers it as stored.",
		ParamsSchema: json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "table": { "type": "string", "minLength": 1, "description": "The table, named as in the database." },
    "data": { "type": "object", "description": "A value for each column to set, by the column's name." }
  },
  "required": ["table", "data"],
  "additionalProperties": false
}`),
		ResultSchema: json.RawMessage(`{ "type": "object", "description": "The row as stored: every column of the table, in order." }`),
		Writes:       true,
		Repeat:       sdk.RepeatTransactional,
		KeyLifetime:  keyLifetime,
		Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","data":{"stripe_id":"pi_123","amount":2000}}`)},
		Do:           p.do((*store).insert),
	}
}

// insert runs the action. The key is looked at before the params are held
// against the schema, so that a repeat returns the first result whatever became
// of the table since.
func (s *store) insert(ctx context.Context, key string, given json.RawMessage) ([]byte, error) {
	params, err := readInsertParams(given)
	if err != nil {
		return nil, err
	}
	return s.once(ctx, key, params.digest(), func(conn *sql.Conn) ([]byte, error) {
		table, columns, values, err := s.resolve(ctx, conn, params)
		if err != nil {
			return nil, err
		}
		row, err := s.insertRow(ctx, conn, table, columns, values)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			failed, _ := s.Classify(err, table)
			return nil, failed
		case row == nil:
			return nil, sdk.Refuse(sdk.CodeConflict, "table %q let no row come to be: a trigger or an ON CONFLICT IGNORE passed over it", table.Name)
		}
		return s.renderRow(table, row)
	})
}

// insertRow inserts one row and returns it as stored, or nil if the table's own
// rules (a trigger, ON CONFLICT IGNORE) suppressed the row. In a table with triggers
// the row is read again, since RETURNING shows a row as it was before its AFTER
// triggers. If a trigger moved the row away it is returned as inserted.
func (s *store) insertRow(ctx context.Context, conn *sql.Conn, table *driver.Table, columns []driver.Column, values []any) ([]any, error) {
	rows, err := driver.Query(ctx, conn, statement.Insert(&s.Syntax, table, columns), values...)
	if err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	inserted := rows[0]
	if !table.Triggers {
		return inserted, nil
	}
	text, key, ok := statement.LastInserted(&s.Syntax, table, inserted)
	if !ok {
		return inserted, nil
	}
	if rows, err = driver.Query(ctx, conn, text, key...); err != nil {
		return nil, fmt.Errorf("read the inserted row: %w", err)
	}
	if len(rows) != 1 {
		return inserted, nil
	}
	return rows[0], nil
}

// resolve holds the params against the real schema and returns what to bind.
// It finds every fault, not the first, up to maxFaults.
func (s *store) resolve(ctx context.Context, conn *sql.Conn, params insertParams) (*driver.Table, []driver.Column, []any, error) {
	table, err := s.table(ctx, conn, params.table)
	if err != nil {
		return nil, nil, nil, err
	}
	var faults []sdk.Fault
	var columns []driver.Column
	var values []any
	for _, given := range params.data {
		if len(faults) == maxFaults {
			break
		}
		fault := func(format string, args ...any) {
			faults = append(faults, sdk.Fault{Pointer: pointer.Join("/data", given.name), Message: fmt.Sprintf(format, args...)})
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
		value, err := s.Bind(column, given.value)
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
// for callers: writing to backflow_keys would decide what a repeat returns.
func (s *store) table(ctx context.Context, conn *sql.Conn, name string) (*driver.Table, error) {
	if isOwn(name) {
		refusal := sdk.Refuse(sdk.CodeForbidden, "table %s belongs to Backflow itself and is closed to every action", shown(name))
		refusal.Faults = []sdk.Fault{{Pointer: "/table", Message: refusal.Message}}
		return nil, refusal
	}
	table, err := s.Describe(ctx, conn, name)
	if err == nil {
		return table, nil
	}
	if !errors.Is(err, driver.ErrNoTable) {
		return nil, fmt.Errorf("describe table: %w", err)
	}
	rows, err := driver.Query(ctx, conn, s.Syntax.TableNames)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var candidates []string
	for _, row := range rows {
		if candidate, ok := row[0].(string); ok && !isOwn(candidate) {
			candidates = append(candidates, candidate)
		}
	}
	return nil, invalid(sdk.Fault{
		Pointer: "/table",
		Message: fmt.Sprintf("there is no table %s to insert into%s", shown(name), suggestion(name, candidates)),
	})
}

func isOwn(table string) bool {
	return strings.EqualFold(table, statement.KeysTable) || strings.EqualFold(table, goose.DefaultTablename)
}

func declared(column driver.Column) string {
	if column.Type == "" {
		return "no type"
	}
	return column.Type
}

// renderRow writes the row as a JSON object, columns in the table's order.
func (s *store) renderRow(table *driver.Table, row []any) ([]byte, error) {
	body := []byte{'{'}
	for i, column := range table.Columns {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(driver.AppendString(body, column.Name), ':')
		var err error
		if body, err = s.Render(body, column, row[i]); err != nil {
			return nil, internal("write the row", err)
		}
	}
	return append(body, '}'), nil
}
