package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
		p.writes(action{
			Name:         request.ActionInsert,
			Description:  "Inserts one row and returns it as stored.",
			HTTP:         &sdk.HTTPBinding{Method: http.MethodPost, Path: tablePath, Body: "data"},
			ParamsSchema: paramsSchema(`"table": `+tableSchema+`, "data": `+dataSchema, "table", "data"),
			ResultSchema: rowSchema,
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","data":{"stripe_id":"pi_123","amount":2000}}`)},
		}, rows.Insert),
		p.writes(action{
			Name:        request.ActionInsertMany,
			Description: "Inserts rows, all of them or none, and returns them as stored, in their order.",
			ParamsSchema: paramsSchema(fmt.Sprintf(`"table": %s, "rows": { "type": "array", "maxItems": %d, "items": %s, "description": "The rows; they need not have the same columns." }`,
				tableSchema, request.MaxRows, dataSchema), "table", "rows"),
			ResultSchema: json.RawMessage(`{ "type": "object", "properties": { "data": ` + rowsSchema + ` }, "required": ["data"] }`),
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","rows":[{"stripe_id":"pi_124","amount":1500},{"stripe_id":"pi_125","amount":500}]}`)},
		}, rows.InsertMany),
		p.writes(action{
			Name:        request.ActionUpsert,
			Description: "Inserts a row, or changes the one with the same values in the columns of a unique key, and returns it as stored.",
			ParamsSchema: paramsSchema(`"table": `+tableSchema+`, "data": `+dataSchema+`,
    "onConflict": { "type": "array", "minItems": 1, "items": { "type": "string" }, "description": "The columns of one unique key, by which it is known whether the row is there." }`, "table", "data", "onConflict"),
			ResultSchema: rowSchema,
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","data":{"id":1,"stripe_id":"pi_123","amount":2100},"onConflict":["id"]}`)},
		}, rows.Upsert),
		p.writes(action{
			Name:         request.ActionUpdate,
			Description:  "Changes the rows that are selected, one if no more are allowed, and returns them as stored.",
			HTTP:         &sdk.HTTPBinding{Method: http.MethodPatch, Path: rowPath, Body: "data", Query: "where"},
			ParamsSchema: paramsSchema(`"table": `+tableSchema+`, "data": `+dataSchema+`, `+changeSchema, "table", "data"),
			ResultSchema: json.RawMessage(`{ "type": "object", "properties": { "affected": { "type": "integer", "minimum": 0 }, "data": ` + rowsSchema + ` }, "required": ["affected", "data"] }`),
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","filters":[{"column":"stripe_id","operator":"eq","value":"pi_123"}],"data":{"amount":2500},"if":{"amount":2100}}`)},
		}, rows.Update),
		p.writes(action{
			Name:         request.ActionDelete,
			Description:  "Deletes the rows that are selected, one if no more are allowed.",
			HTTP:         &sdk.HTTPBinding{Method: http.MethodDelete, Path: rowPath, Query: "where"},
			ParamsSchema: paramsSchema(`"table": `+tableSchema+`, `+changeSchema, "table"),
			ResultSchema: json.RawMessage(`{ "type": "object", "properties": { "affected": { "type": "integer", "minimum": 0 } }, "required": ["affected"] }`),
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","filters":[{"column":"stripe_id","operator":"in","value":["pi_124","pi_125"]}],"maxAffected":2}`)},
		}, rows.Delete),
		action{
			Name:         request.ActionGet,
			Description:  "Returns the one row that is selected.",
			HTTP:         &sdk.HTTPBinding{Method: http.MethodGet, Path: rowPath},
			Tables:       "table",
			ParamsSchema: paramsSchema(`"table": `+tableSchema+`, `+columnsSchema+`, `+selectionSchema, "table"),
			ResultSchema: rowSchema,
			Examples:     []json.RawMessage{json.RawMessage(`{"table":"payments","filters":[{"column":"stripe_id","operator":"eq","value":"pi_123"}]}`)},
			Do:           p.read(rows.Get),
		},
		action{
			Name:        request.ActionSelect,
			Description: "Reads rows of a table or a view, in an order, and returns where to go on.",
			HTTP:        &sdk.HTTPBinding{Method: http.MethodGet, Path: tablePath, Query: "where", Reserved: []string{"order", "limit", "cursor", "select"}},
			ParamsSchema: paramsSchema(`
    "table": `+tableSchema+`,
    `+columnsSchema+`,
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
			Name:        request.ActionQuery,
			Description: "Runs a statement that the config has under credentials.database.queries, with values for its parameters.",
			HTTP:        &sdk.HTTPBinding{Method: "POST", Path: "/queries/:name", Body: "params"},
			ParamsSchema: paramsSchema(`
    "name": { "type": "string", "minLength": 1, "description": "The name of the query in the config." },
    "params": { "type": "object", "description": "A value for each parameter of the query, by its name." }`, "name"),
			ResultSchema: json.RawMessage(`{ "type": "object", "description": "The rows, or how many the statement changed.", "properties": { "data": { "type": "array", "items": { "type": "object" } }, "affected": { "type": "integer", "minimum": 0 } } }`),
			Writes:       true,
			Repeat:       sdk.RepeatTransactional,
			KeyLifetime:  store.KeyLifetime,
			Tables:       sdk.AnyTable,
			Examples:     []json.RawMessage{json.RawMessage(`{"name":"large-payments","params":{"amount":1000}}`)},
			Do:           p.query(),
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
				`{"action":"insert","params":{"table":"payments","data":{"stripe_id":"pi_126","amount":2000}}},` +
				`{"action":"update","params":{"table":"payments","key":"{{results[0].id}}","data":{"amount":2200}}}]}`)},
			Do: p.write(rows.Transaction(p.inner())),
		},
	}
}

// inner are the actions that a transaction is made of: all the others.
func (p *plugin) inner() map[string]rows.Prepare {
	return map[string]rows.Prepare{
		request.ActionInsert:     rows.Insert,
		request.ActionInsertMany: rows.InsertMany,
		request.ActionUpsert:     rows.Upsert,
		request.ActionUpdate:     rows.Update,
		request.ActionDelete:     rows.Delete,
		request.ActionGet:        rows.Get,
		request.ActionSelect:     rows.Select,
		request.ActionQuery:      rows.Query,
		request.ActionCount:      rows.Count,
	}
}

// Where tables and rows are over HTTP.
const (
	tablePath = "/tables/:table"
	rowPath   = "/tables/:table/:key"
)

// writes completes an action of package rows that writes to the table that it names.
func (p *plugin) writes(a action, prepare rows.Prepare) action {
	a.Writes, a.Repeat, a.KeyLifetime = true, sdk.RepeatTransactional, store.KeyLifetime
	a.Tables = "table"
	a.Do = p.write(prepare)
	return a
}

// write returns the Do of an action of package rows that writes. Its errors are
// *sdk.Error.
func (p *plugin) write(prepare rows.Prepare) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return p.do(prepare, writing)
}

// writing does what was prepared once for the call's key.
func writing(ctx context.Context, s *store.Store, prepared rows.Prepared) ([]byte, error) {
	key := sdk.CallFrom(ctx).IdempotencyKey
	if len(key) > store.MaxKeyLength {
		return nil, sdk.Refuse(sdk.CodeInvalidParams, "the idempotency key is longer than %d bytes", store.MaxKeyLength)
	}
	return s.Write(ctx, key, prepared.Digest(), prepared.Do)
}

// read is write for an action that only reads.
func (p *plugin) read(prepare rows.Prepare) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return p.do(prepare, func(ctx context.Context, s *store.Store, prepared rows.Prepared) ([]byte, error) {
		return s.Read(ctx, prepared.Do)
	})
}

// query is write for a query that may write, and a transaction that cannot for the others.
func (p *plugin) query() func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return p.do(rows.Query, func(ctx context.Context, s *store.Store, prepared rows.Prepared) ([]byte, error) {
		if s.Writes(prepared.Query) {
			return writing(ctx, s, prepared)
		}
		return s.ReadOnly(ctx, prepared.Do)
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
