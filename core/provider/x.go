package provider

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// x signs the body alone, with the consumer secret of the app:
// https://docs.x.com/x-api/webhooks/quickstart.
var x = scheme{
	name: "x", page: "https://docs.x.com/x-api/webhooks/quickstart",
	header: "X-Twitter-Webhooks-Signature", prefix: "sha256=", algorithm: hmacSHA256, payload: jsonBody, encoding: inBase64,
	id: ofBody(), kind: computed("data.event_type of the body, or the name of its member that ends in _events or _event", xType),
}

// xProvider replies to the challenge that X sends by GET when an address is registered
// and every hour from then on, with the HMAC of the token in the query.
//
// That is the HMAC by which a body is signed too: who may choose the token could have an
// event signed. So a token that could be the body of an event, which is an object of
// JSON, is refused.
func xProvider() Provider {
	p := x.provider()
	p.Methods = []string{http.MethodGet}
	verify := p.Verify
	p.Verify = func(ctx context.Context, received sdk.WebhookRequest) (Verified, error) {
		if received.Method != http.MethodGet {
			return verify(ctx, received)
		}
		token := (&request{received}).query()["crc_token"]
		if len(token) != 1 || token[0] == "" {
			return Verified{}, refuse("the query has no crc_token, which the challenge of X has")
		}
		if len(token[0]) > maxChallenge || strings.ContainsFunc(token[0], func(c rune) bool { return !isTokenCharacter(c) }) {
			return Verified{}, refuse("the crc_token of the query is longer than %d bytes, or has other characters than letters, digits, -, _, . and =", maxChallenge)
		}
		response := x.prefix + x.encoding.encode(x.algorithm.mac([]byte(received.Secrets[0]), []byte(token[0])))
		body, err := value.Marshal(map[string]any{"response_token": response})
		return Verified{Reply: &Reply{ContentType: "application/json", Body: body}}, err
	}
	return p
}

func isTokenCharacter(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("-_.=", c)
}

func xType(_ *request, payload value.Doc) (string, bool) {
	if text, ok := at(payload, "data.event_type"); ok {
		return text, true
	}
	object, _ := payload.Value().(map[string]any)
	var names []string
	for name := range object {
		if strings.HasSuffix(name, "_events") || strings.HasSuffix(name, "_event") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		return "", false
	case 1:
		return names[0], true
	default:
		return mixed, true
	}
}
