package custom

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/backflow/backflow/core/template"
)

// reservedHeaders say how a message is framed and where it goes: only the sender
// sets them.
var reservedHeaders = []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Keep-Alive",
	"Proxy-Connection", "Proxy-Authorization", "Te", "Upgrade", "Expect", "Accept-Encoding", "Content-Encoding"}

// checkHeaderName returns what is wrong with the name of a header, nil if nothing
// is.
func checkHeaderName(name string) *template.Fault {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return &template.Fault{Message: fmt.Sprintf("%q is not the name of a header", name), Hint: "letters, digits and hyphens, as in X-Api-Key"}
	case slices.Contains(reservedHeaders, http.CanonicalHeaderKey(name)):
		return &template.Fault{Message: fmt.Sprintf("the header %s is set by the gateway alone", name)}
	}
	return nil
}

// headerKey is the key under which a header is kept in a request.
//
// net/http sends a request whose header holds Idempotency-Key a second time by
// itself when a kept connection breaks (see isReplayable in its source). It looks
// for that very spelling. Only the caller may repeat a call. Names of headers have
// no case (RFC 9110, section 5.1), so with another spelling the API finds the key and
// net/http does not.
func headerKey(name string) string {
	key := http.CanonicalHeaderKey(name)
	if key == "Idempotency-Key" || key == "X-Idempotency-Key" {
		return strings.ToLower(key)
	}
	return key
}
