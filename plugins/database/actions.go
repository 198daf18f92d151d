package main

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/rows"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// action is an action that reads its params strictly itself, and whose result is
// the JSON that was recorded under the key.
type action = sdk.Action[json.RawMessage, json.RawMessage]

// actions are those of the plugin, in the order in which they are listed.
func (p *plugin) actions() []sdk.Part {
	return []sdk.Part{
		action{
			Name:        request.ActionInsert,
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
			KeyLifetime:  store.KeyLifetime,
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","data":{"stripe_id":"pi_123","amount":2000}}`)},
			Do:           p.write(rows.Insert),
		},
		action{
			Name:        request.ActionSelect,
			Description: "Reads rows of a table or a view, in an order, and returns where to go on.",
			HTTP:        &sdk.HTTPBinding{Method: "GET", Path: "/tables/:table", Query: "where", Reserved: []string{"order", "limit", "cursor", "select"}},
			ParamsSchema: paramsSchema(`
    "table": `+tableSchema+`,
    "columns": { "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "The columns to return, in this order; all of them by default." },
    "select": { "type": "string", "description": "The columns to return as a query has them, such as id,status." },
    "filters": `+filtersSchema+`,
    "where": `+whereSchema+`,
    "order": {
      "description": "What the rows are put in the order of. A query has it as created.desc,id.",
      "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "object", "properties": { "column": { "type": "string" }, "ascending": { "type": "boolean", "default": true } }, "required": ["column"], "additionalProperties": false } }
      ]
    },
    "limit": { "type": "integer", "minimum": 1, "maximum": `+strconv.Itoa(request.MaxLimit)+`, "default": `+strconv.Itoa(request.DefaultLimit)+`, "description": "How many rows to return at most." },
    "cursor": { "type": "string", "description": "The nextCursor of the call before, with the same table, filters and order." }`, "table"),
			ResultSchema: json.RawMessage(`{ "type": "object", "properties": { "data": { "type": "array", "items": { "type": "object" } }, "nextCursor": { "type": ["string", "null"] } }, "required": ["data", "nextCursor"] }`),
			Tables:       "table",
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","filters":[{"column":"amount","operator":"gte","value":1000}],"order":[{"column":"amount","ascending":false}],"limit":20}`)},
			Do:           p.read(rows.Select),
		},
		action{
			Name:         request.ActionCount,
			Description:  "Counts the rows of a table or a view, all of them or those that filters find.",
			ParamsSchema: paramsSchema(`"table": `+tableSchema+`, "filters": `+filtersSchema, "table"),
			ResultSchema: json.RawMessage(`{ "type": "object", "properties": { "count": { "type": "integer", "minimum": 0 } }, "required": ["count"] }`),
			Tables:       "table",
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","filters":[{"column":"amount","operator":"gte","value":1000}]}`)},
			Do:           p.read(rows.Count),
		},
		action{
			Name: request.ActionTransaction,
			Description: "Does several actions, all or none. A text in their params that is exactly {{results[N].path}} stands for what is there in the result " +
				"of operation N, counting from 0, which is one before.",
			ParamsSchema: json.RawMessage(`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "operations": {
      "type": "array",
      "description": "What is done, in this order.",
      "minItems": 1,
      "maxItems": ` + strconv.Itoa(request.MaxOperations) + `,
      "items": {
        "type": "object",
        "properties": {
          "action": { "type": "string", "minLength": 1, "description": "An action of the database other than transaction." },
          "params": { "type": "object", "description": "Its params." }
        },
        "required": ["action", "params"],
        "additionalProperties": false
      }
    }
  },
  "required": ["operations"],
  "additionalProperties": false
}`),
			ResultSchema: json.RawMessage(`{
  "type": "object",
  "properties": { "results": { "type": "array", "description": "The result of each operation, in order." } },
  "required": ["results"]
}`),
			Writes:      true,
			Repeat:      sdk.RepeatTransactional,
			KeyLifetime: store.KeyLifetime,
			ByName:      true,
			Inner:       "operations",
			Examples: []json.RawMessage{json.RawMessage(`{"operations":[` +
				`{"action":"insert","params":{"table":"payments","data":{"stripe_id":"pi_124","amount":2000}}},` +
				`{"action":"insert","params":{"table":"orders","data":{"payment":"{{results[0].id}}"}}}]}`)},
			Do: p.write(rows.Transaction(p.inner())),
		},
	}
}

// inner are the actions that a transaction is made of: all the others.
func (p *plugin) inner() map[string]rows.Prepare {
	return map[string]rows.Prepare{
		request.ActionInsert: rows.Insert,
		request.ActionSelect: rows.Select,
		request.ActionCount:  rows.Count,
	}
}

// write returns the Do of an action of package rows that writes. Its errors are
// *sdk.Error.
func (p *plugin) write(prepare rows.Prepare) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return p.do(prepare, func(ctx context.Context, s *store.Store, prepared rows.Prepared) ([]byte, error) {
		key := sdk.CallFrom(ctx).IdempotencyKey
		if len(key) > store.MaxKeyLength {
			return nil, sdk.Refuse(sdk.CodeInvalidParams, "the idempotency key is longer than %d bytes", store.MaxKeyLength)
		}
		return s.Write(ctx, key, prepared.Digest, prepared.Do)
	})
}

// read is write for an action that only reads.
func (p *plugin) read(prepare rows.Prepare) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return p.do(prepare, func(ctx context.Context, s *store.Store, prepared rows.Prepared) ([]byte, error) {
		return s.Read(ctx, prepared.Do)
	})
}

// do prepares what is asked for and runs it over the database that is in use, which
// stays open meanwhile.
func (p *plugin) do(prepare rows.Prepare, run func(context.Context, *store.Store, rows.Prepared) ([]byte, error)) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
		p.mu.RLock()
		defer p.mu.RUnlock()
		if p.away != nil {
			return nil, store.NotSound(p.away)
		}
		if p.store == nil {
			return nil, sdk.Refuse(sdk.CodeUnavailable, "the database is not configured")
		}
		prepared, err := prepare("", params)
		if err != nil {
			return nil, err
		}
		return run(ctx, p.store, prepared)
	}
}
