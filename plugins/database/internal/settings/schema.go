package settings

import (
	"encoding/json"
	"fmt"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk/value"
)

// Schema returns the schema of the entry. {} meets it: the database is then a file in
// the data directory. The url's pattern and description are those of the kinds of
// databases that there are.
func Schema(urlPattern, urlDescription string) json.RawMessage {
	operations := []byte{'['}
	for i, operation := range access.Operations {
		if i > 0 {
			operations = append(operations, ',')
		}
		operations = driver.AppendString(operations, string(operation))
	}
	operations = append(operations, ']')
	d := Defaults
	return fmt.Appendf(nil, template, driver.AppendString(nil, urlPattern), driver.AppendString(nil, urlDescription), operations,
		MaxConnections, d.MaxConnections, MaxConnections, value.Duration(d.MaxIdleTime), value.Duration(d.MaxLifetime),
		value.Duration(d.ConnectTimeout), value.Duration(d.StatementTimeout), value.Duration(d.LockTimeout))
}

const template = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "url": {
      "type": "string",
      "pattern": %s,
      "writeOnly": true,
      "description": %s
    },
    "migrations": {
      "type": "string",
      "minLength": 1,
      "format": "directory-path",
      "description": "Folder of SQL migrations in goose's form, relative to the config file. What is new in it is applied, in order, at the start."
    },
    "queries": {
      "type": "object",
      "description": "Statements that the action query runs, by name.",
      "propertyNames": { "minLength": 1 },
      "additionalProperties": {
        "type": "object",
        "properties": {
          "sql": { "type": "string", "pattern": "\\S", "description": "One statement, with its parameters as :name." },
          "write": { "type": "boolean", "description": "Whether it may change rows; without it the statement runs in a transaction that only reads." }
        },
        "required": ["sql"],
        "additionalProperties": false
      }
    },
    "tables": {
      "type": "object",
      "description": "The tables that are open to the actions, by name. Where this is given, every other table is closed.",
      "minProperties": 1,
      "propertyNames": { "minLength": 1 },
      "additionalProperties": {
        "type": "object",
        "properties": {
          "operations": {
            "type": "array",
            "description": "The actions that are open; all where this is left out.",
            "minItems": 1,
            "items": { "enum": %s }
          },
          "exclude": {
            "type": "array",
            "description": "Columns that are for no action as if they were not there.",
            "minItems": 1,
            "items": { "type": "string", "minLength": 1 }
          }
        },
        "additionalProperties": false
      }
    },
    "numbers": {
      "enum": ["exact", "string"],
      "description": "How integers of 64 bits and decimals are shown: as JSON numbers with every digit, which is the default, or as strings, for readers that keep numbers as doubles."
    },
    "pool": {
      "type": "object",
      "properties": {
        "maxConnections": { "type": "integer", "minimum": 1, "maximum": %d, "description": "The most connections at once; %d by default." },
        "maxIdle": { "type": "integer", "minimum": 0, "maximum": %d, "description": "How many of them are kept while they are not used; all by default." },
        "maxIdleTime": { "$ref": "#/$defs/span", "description": "How long one is kept that is not used, such as %s, which is the default." },
        "maxLifetime": { "$ref": "#/$defs/span", "description": "How long one is used at all, such as %s, which is the default." }
      },
      "additionalProperties": false
    },
    "timeouts": {
      "type": "object",
      "properties": {
        "connect": { "$ref": "#/$defs/span", "description": "How long the making of a connection may take, such as %s, which is the default." },
        "statement": { "$ref": "#/$defs/span", "description": "How long one statement of an action may take, such as %s, which is the default." },
        "lock": { "$ref": "#/$defs/span", "description": "How long a call waits for a lock that another process holds, such as %s, which is the default." }
      },
      "additionalProperties": false
    }
  },
  "$defs": {
    "span": { "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(us|ms|s|m|h))+$" }
  },
  "additionalProperties": false
}`
