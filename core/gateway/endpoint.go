package gateway

import (
	"net/http"

	"github.com/backflow/backflow/core/action"
)

// handler responds to a request that its caller may make. An error that it
// returns is sent to the client; then it has written nothing.
type handler func(x *requestContext, w http.ResponseWriter, r *http.Request) error

// endpoint is a row of the table of routes: everything about one method of a
// path.
type endpoint struct {
	// method is empty if the endpoint takes every method and checks it itself.
	// GET serves HEAD too.
	method string
	// path holds arguments as "{name}" for one segment; "{name...}" at its end is
	// all that follows, at least a slash.
	path string
	// scope is what the caller must have; see parseRequirements. It is empty on
	// public endpoints, and on no others.
	scope string
	// public endpoints need no token.
	public bool
	// exemptFromOverload endpoints respond under overload too: they take no slot
	// of the limiter. Their successes are logged at level debug, since probes
	// come every few seconds.
	exemptFromOverload bool
	// stateful says what the endpoint does with the state store: while that is known
	// to be down, it responds with 503 at once.
	stateful stateUse
	// find looks up the action to call if the path alone does not name it; its
	// name fills "{action}" in the scope. Before the look-up the caller needs a
	// scope for any action of the integration, so that other callers do not learn
	// what exists.
	find finder
	// in describes what a request may bring, out the ways to succeed. Every
	// failure is a problem document.
	in  input
	out []output
	// doc is one sentence on what the endpoint does, for documentation.
	doc     string
	handler handler
	// maxBody is the size of the largest body; 0 is Routes.MaxBodyBytes.
	maxBody int
	// tooLarge, if not nil, is called for a request whose body is larger: with how many bytes,
	// as far as is known.
	tooLarge func(x *requestContext, r *http.Request, bytes int64)
	// shared: on a public endpoint an address has a share for this endpoint alone.
	shared bool
}

// stateUse is what an endpoint does with the state store.
type stateUse uint8

const (
	usesNoState stateUse = iota // or only with an Idempotency-Key
	readsState                  // it may be tried for a moment, as a store that takes no writes can be read
	writesState                 // or follows what others write
)

// finder returns an action, and how its HTTP binding found it, nil where the path names
// the action.
type finder func(x *requestContext, r *http.Request) (*action.Action, *action.Bound, error)

// input describes what a request may bring beside its path.
type input struct {
	// query has the names that the query may have, each once.
	query []string
	// anyQuery: the query may have any names. It is not read, or read as the params
	// of an action, or as the sender of a webhook likes.
	anyQuery bool
	// body is a value of the type of the JSON body, which may be left out; nil
	// is a body that is not read as JSON.
	body any
	// key: the request takes an Idempotency-Key, unless it is a GET.
	key bool
}

// output describes one way to succeed.
type output struct {
	status int
	// contentType is empty for JSON, and anyContentType where an action decides.
	contentType string
	// body is a value of the type that is sent as JSON, in a stream as the data
	// of each event; nil is a body of another kind, or none.
	body any
}

// anyContentType is that of a result, which the action decides.
const anyContentType = "*/*"

// okJSON is the output of an endpoint that succeeds in one way, with JSON.
func okJSON(body any) []output { return []output{{status: http.StatusOK, body: body}} }
