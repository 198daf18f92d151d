package custom

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/backflow/backflow/core/template"
)

// Auth is how requests are authenticated. The zero Auth does nothing. Printing an
// Auth shows no secret.
type Auth struct {
	// header or query is the name of what is added to a request. The other is empty.
	header, query string
	// reveal returns what is added. It is a function because printing unexported
	// fields would show a string.
	reveal func() string
	// secrets returns all texts that must never be shown.
	secrets func() []string
}

// Bearer sends a token (RFC 6750).
func Bearer(token string) Auth {
	return secretAuth("Authorization", "", "Bearer "+token, token)
}

// Basic sends a user name, which holds no colon, and a password (RFC 7617).
func Basic(username, password string) Auth {
	pair := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	return secretAuth("Authorization", "", "Basic "+pair, pair, username, password)
}

// Header sends a value in a header.
func Header(name, value string) Auth {
	return secretAuth(http.CanonicalHeaderKey(name), "", value, value)
}

// Query sends a value as a query parameter.
func Query(name, value string) Auth {
	return secretAuth("", name, value, value)
}

func secretAuth(header, query, value string, secrets ...string) Auth {
	return Auth{header, query, func() string { return value }, func() []string { return secrets }}
}

// String returns "***".
func (Auth) String() string { return "***" }

// GoString is String.
func (a Auth) GoString() string { return a.String() }

// check returns what is wrong with the name or the value.
func (a Auth) check() template.Faults {
	switch {
	case a.reveal == nil:
		return nil
	case a.query == "" && a.header == "":
		return template.Faults{{Pointer: "/auth/name", Message: "the name is empty"}}
	case a.header != "":
		if fault := checkHeaderName(a.header); fault != nil {
			fault.Pointer = "/auth/name"
			return template.Faults{*fault}
		}
		if !httpguts.ValidHeaderFieldValue(a.reveal()) {
			return template.Faults{{Pointer: "/auth", Message: "the value holds control characters"}}
		}
	}
	return nil
}

// applyHeader sets the header that authenticates, if there is one.
func (a Auth) applyHeader(header http.Header) {
	if a.header != "" {
		header[a.header] = []string{a.reveal()}
	}
}

// appendQuery adds the query parameter that authenticates, if there is one.
func (a Auth) appendQuery(query string) string {
	if a.query == "" {
		return query
	}
	pair := url.QueryEscape(a.query) + "=" + url.QueryEscape(a.reveal())
	return strings.TrimPrefix(query+"&"+pair, "&")
}

// revealed are the secrets, for redaction.
func (a Auth) revealed() []string {
	if a.secrets == nil {
		return nil
	}
	return a.secrets()
}
