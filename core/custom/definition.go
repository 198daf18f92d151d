package custom

import (
	"encoding/json"
	"time"
)

// Definition is a declared integration.
type Definition struct {
	// Name is what config and paths call the integration.
	Name string
	// BaseURL is what every path is put behind: http or https, without user,
	// query and fragment.
	BaseURL string
	Auth    Auth
	Actions map[string]Action
}

// Action is one request. Path, Query, Headers and Body hold templates, in
// which {{params.x}} stands for a param of the call.
type Action struct {
	// Method is GET, HEAD, POST, PUT, PATCH or DELETE.
	Method string
	// Path is put behind the base URL. It starts with a slash and has neither
	// query nor fragment; a value is one segment or part of one.
	Path string
	// Query and Headers are JSON objects, by name. A value that is null is left
	// out. In a query an array is the name several times.
	Query, Headers json.RawMessage
	// Body is any JSON; nil is no body.
	Body json.RawMessage
	// Params is the JSON Schema of the params; nil derives it from what the
	// templates name.
	Params json.RawMessage
	// IdempotencyHeader is the header in which the API takes an idempotency key,
	// empty where it takes none.
	IdempotencyHeader string
	// Timeout bounds a call; zero is DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout bounds a call of an action that names no timeout.
const DefaultTimeout = 30 * time.Second

// KeyLifetime is how long an API is taken to honour an idempotency key. What
// is common is a day, and an API does not say; to count on less time than there
// is costs a repeat, to count on more could do an effect twice.
const KeyLifetime = 24 * time.Hour
