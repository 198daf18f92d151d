package provider

import (
	"errors"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Unauthorized is the refusal of a challenge that is not genuine, by a sender that sends
// such ones to see whether they are refused, and takes no other status than 401 for that.
// errors.As finds the *sdk.WebhookRefusal in it.
type Unauthorized struct{ Refusal *sdk.WebhookRefusal }

// Error returns the reason.
func (u *Unauthorized) Error() string { return u.Refusal.Error() }

// Unwrap returns the refusal.
func (u *Unauthorized) Unwrap() error { return u.Refusal }

// unauthorized makes a refusal an *Unauthorized; any other error stays as it is.
func unauthorized(err error) error {
	if refusal, ok := errors.AsType[*sdk.WebhookRefusal](err); ok {
		return &Unauthorized{refusal}
	}
	return err
}

// maxChallengeBody bounds what is read of a request that is not genuine, in bytes.
const maxChallengeBody = 4096

// challengeBody reads the body of a request that is not genuine, to tell a challenge.
func (r *request) challengeBody() (value.Doc, error) {
	if len(r.Body) > maxChallengeBody {
		return value.Doc{}, errors.New("the body is no challenge")
	}
	return value.ParseDoc(r.Body)
}
