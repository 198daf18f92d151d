package provider

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Challenge is how a sender makes sure that a URL is its user's, before it sends events
// there: it sends a text, and expects it back.
type Challenge struct {
	// Method is GET or POST.
	Method string
	// Param is the parameter of the query that has the text, of a GET.
	Param string
	// Path is the dotted path in the JSON body that has the text, of a POST.
	Path string
	// VerifyToken is what the sender shows, which its user gave it: in the query of a GET,
	// or in the body of a POST, beside the text. Empty: nothing is to be shown.
	VerifyToken string
	// Tokened: the sender always shows a token, so that nothing is replied to without
	// one.
	Tokened bool
}

// tokenNames are the names under which senders show a token:
// https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
// has the first.
var tokenNames = []string{"hub.verify_token", "verify_token", "verifyToken", "token"}

// maxChallenge bounds the text that is sent back, in bytes.
const maxChallenge = 512

// WithChallenge returns the provider with a challenge before whatever it has itself.
func (p Provider) WithChallenge(c Challenge) Provider {
	p.Challenge = c
	if c.Method == http.MethodGet && !slices.Contains(p.Methods, http.MethodGet) {
		p.Methods = append(slices.Clone(p.Methods), http.MethodGet)
	}
	verify := p.Verify
	p.Verify = func(ctx context.Context, received sdk.WebhookRequest) (Verified, error) {
		r := &request{received}
		get := r.Method == http.MethodGet
		if get != (c.Method == http.MethodGet) || r.Method == http.MethodHead {
			return verify(ctx, received)
		}
		if get {
			return c.replyToQuery(r)
		}
		if text, ok := c.inBody(r); ok {
			return echo(text)
		}
		return verify(ctx, received)
	}
	return p
}

// replyToQuery replies to a GET.
func (c Challenge) replyToQuery(r *request) (Verified, error) {
	query := r.query()
	if len(query[c.Param]) != 1 {
		return Verified{}, refuse("the query has no parameter %s, or has it twice, which has the challenge", c.Param)
	}
	if c.Tokened && c.VerifyToken == "" {
		return Verified{}, refuse("the sender shows a token, and the webhook does not say which: set its challenge.verifyToken")
	}
	if c.VerifyToken != "" {
		shown := 0
		for _, name := range tokenNames {
			for _, token := range query[name] {
				if shown++; !equal(token, c.VerifyToken) {
					return Verified{}, refuse("the parameter %s of the query does not hold the webhook's challenge.verifyToken", name)
				}
			}
		}
		if shown == 0 {
			return Verified{}, refuse("the query has no parameter %s, which has the token", tokenNames[0])
		}
	}
	return echo(query.Get(c.Param))
}

// inBody returns the text of a POST that is a challenge. ok is false where the body has
// none, or does not show the token.
func (c Challenge) inBody(r *request) (text string, ok bool) {
	payload, err := value.ParseDoc(r.Body)
	if err != nil {
		return "", false
	}
	if text, ok = at(payload, c.Path); !ok || c.VerifyToken == "" {
		return text, ok
	}
	shown := false
	for _, name := range tokenNames {
		if token, given := member(payload, name); given {
			if !equal(token, c.VerifyToken) {
				return "", false
			}
			shown = true
		}
	}
	return text, shown
}

// member returns a text of an object by its name, which may hold dots.
func member(payload value.Doc, name string) (text string, ok bool) {
	object, _ := payload.Value().(map[string]any)
	text, ok = object[name].(string)
	return text, ok
}

// echo replies with a text.
func echo(text string) (Verified, error) {
	if text == "" || len(text) > maxChallenge {
		return Verified{}, refuse("the challenge has %d bytes: from 1 to %d are sent back", len(text), maxChallenge)
	}
	return Verified{Reply: &Reply{ContentType: "text/plain; charset=utf-8", Body: []byte(text)}}, nil
}

// query returns the parameters of the request's URL. What cannot be read is left out.
func (r *request) query() url.Values {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil
	}
	return u.Query()
}
