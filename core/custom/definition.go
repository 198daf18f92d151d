package custom

import (
	"encoding/json"
	"time"
)

// Definition is a declared integration.
type Definition struct {
	// Name is what config and paths call the integration.
	Name string
	// BaseURL comes before every path: http or https, without user, query and
	// fragment.
	BaseURL string
	Auth    Auth
	Actions map[string]Action
}

// Action is one request. Path, Query, Headers and Body hold templates, in
// which {{params.x}} stands for a param of the call.
type Action struct {
	// Method is GET, HEAD, POST, PUT, PATCH or DELETE.
	Method string
	// Path comes after the base URL. It starts with a slash and has neither query nor
	// fragment. A value is one segment or part of one.
	Path string
	// Query and Headers are JSON objects, by name. A value that is null is left out.
	// In a query, an array repeats the name.
	Query, Headers json.RawMessage
	// Body is any JSON; nil means no body.
	Body json.RawMessage
	// Params is the JSON Schema of the params; nil derives it from what the
	// templates name.
	Params json.RawMessage
	// IdempotencyHeader is the header in which the API takes an idempotency key,
	// empty if it takes none.
	IdempotencyHeader string
	// Timeout bounds a call; zero means DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout bounds a call of an action that names no timeout.
const DefaultTimeout = 30 * time.Second

// KeyLifetime is how long an API is assumed to honour an idempotency key. A day is
// common, and an API does not say. Assuming too short a time costs a repeat, assuming
// too long a time could take effect twice.
const KeyLifetime = 24 * time.Hour
