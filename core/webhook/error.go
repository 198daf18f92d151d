package webhook

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/engine"
)

// ErrUnavailable is matched by errors after which the sender is to try again
// later: the check could not be made, or the event could not be stored for
// certain. Where the store is the cause, engine.ErrUnavailable matches too.
var ErrUnavailable = errors.New("webhook: cannot be received now")

// RefusalKind classifies refusals, for counting and for the HTTP status.
type RefusalKind string

// The kinds of refusals.
const (
	RefusedSignature RefusalKind = "signature" // not genuine, as far as is known
	RefusedTooLarge  RefusalKind = "too_large" // the body is larger than MaxBodyBytes
	RefusedNotJSON   RefusalKind = "not_json"  // genuine, but the body is no JSON
	RefusedEvent     RefusalKind = "event"     // genuine, but no event can be read from it, or its id or type is missing or too long
)

// Refusal is the error for a request that leaves no event. Sending it again
// unchanged does not help.
type Refusal struct {
	Kind RefusalKind
	// Genuine: the request was known to be its sender's when it was refused.
	Genuine bool
	// Unauthorized: it is a challenge that the sender wants refused with 401, see
	// provider.Unauthorized.
	Unauthorized bool
	// Reason is for the operator's log and for the sender. It names neither
	// secret nor signature.
	Reason string
}

// Error returns the reason.
func (r *Refusal) Error() string { return "webhook refused: " + r.Reason }

func notJSON(err error) *Refusal {
	return &Refusal{Kind: RefusedNotJSON, Genuine: true, Reason: "the body is not JSON: " + err.Error()}
}

func largerThanARun() *Refusal {
	return &Refusal{Kind: RefusedTooLarge, Genuine: true, Reason: fmt.Sprintf("the event is larger than the %d bytes that a run takes", engine.MaxInput)}
}
