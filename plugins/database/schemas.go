package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/request"
)

// tableSchema, filtersSchema and whereSchema are the JSON Schemas of params that several
// actions have. That of filters refers to one of paramsSchema.
const (
	tableSchema   = `{ "type": "string", "minLength": 1, "description": "The table, named as in the database." }`
	filtersSchema = `{ "type": "array", "items": { "$ref": "#/$defs/filter" }, "description": "Conditions that all have to hold." }`
	whereSchema   = `{ "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } }, "description": "Conditions as a query has them: for each column texts such as eq.paid, that all have to hold." }`
)

// The JSON Schemas of the params by which rows are selected and changed.
const (
	dataSchema      = `{ "type": "object", "description": "A value for each column to set, by the column's name." }`
	selectionSchema = `"filters": ` + filtersSchema + `,
    "key": { "type": ["string", "number", "boolean"], "description": "In place of filters: the row's primary key. Where it has several columns, their values in the key's order with commas between them." }`
)

// columnsSchema are the params that list the columns to return.
const columnsSchema = `"columns": { "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "The columns to return, in this order; all of them by default." },
    "select": { "type": "string", "description": "The columns to return as a query has them, such as id,status." }`

// changeSchema is selectionSchema with what must hold for the rows that are changed.
var changeSchema = fmt.Sprintf(selectionSchema+`,
    "maxAffected": { "type": "integer", "minimum": 1, "maximum": %d, "default": 1, "description": "How many rows may be changed. If more are selected, none is." }`, request.MaxAffected) + `,
    "if": { "type": "object", "minProperties": 1, "description": "Values that each of the rows must have, by the column's name. If one has others, none is changed." },
    "where": { "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } }, "description": "Further conditions that each of the rows must meet, as a query has them: for each column texts such as eq.paid." }`

// The JSON Schemas of rows in results.
var rowSchema = json.RawMessage(`{ "type": "object", "description": "The row as stored: every column of the table, in order." }`)

const rowsSchema = `{ "type": "array", "items": { "type": "object" }, "description": "The rows as stored." }`

// paramsSchema returns the schema of an action's params.
func paramsSchema(properties string, required ...string) json.RawMessage {
	names := make([]string, len(required))
	for i, name := range required {
		names[i] = string(driver.AppendString(nil, name))
	}
	operators := make([]string, len(request.Operators))
	for i, operator := range request.Operators {
		operators[i] = string(driver.AppendString(nil, string(operator)))
	}
	schema := fmt.Appendf(nil, `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": { %s },
  "required": [%s],
  "additionalProperties": false`, properties, strings.Join(names, ", "))
	if strings.Contains(properties, "#/$defs/filter") {
		schema = fmt.Appendf(schema, `,
  "$defs": {
    "filter": {
      "type": "object",
      "description": "A column, an operator and a value; or and, or, not over other filters.",
      "properties": {
        "column": { "type": "string" },
        "operator": { "enum": [%s] },
        "value": { "description": "A list for in, one of two for between, a pattern for like and ilike; null, true, false or \"not null\" for is." },
        "and": { "type": "array", "items": { "$ref": "#/$defs/filter" } },
        "or": { "type": "array", "items": { "$ref": "#/$defs/filter" } },
        "not": { "anyOf": [{ "$ref": "#/$defs/filter" }, { "type": "array", "items": { "$ref": "#/$defs/filter" } }] }
      },
      "additionalProperties": false
    }
  }`, strings.Join(operators, ", "))
	}
	return append(schema, "\n}"...)
}
