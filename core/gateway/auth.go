package gateway

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// Token is an API token that is accepted.
type Token struct {
	// Name is shown in logs, and idempotency keys belong to it. It is unique and
	// not empty.
	Name string
	Hash access.Hash
	// Scopes are what the token may do; without any, it may do nothing.
	Scopes []access.Scope
	// Tables are the only ones that calls of actions may touch; nil bounds nothing.
	Tables []string
}

// caller is the sender of a request.
type caller struct {
	// id is unique among callers of all kinds: the scope of idempotency keys.
	id     string
	name   string
	scopes []access.Scope
	tables []string // nil: any
}

// may reports whether one of the caller's scopes covers the permission.
func (c *caller) may(permission ...string) bool {
	for _, scope := range c.scopes {
		if scope.Grants(permission...) {
			return true
		}
	}
	return false
}

// mayCall reports whether the caller may call the action with some params: one of its
// scopes covers it, and it touches no table that the caller may not.
func (c *caller) mayCall(integration string, spec *sdk.ActionSpec) bool {
	return c.covers(integration, spec) && (c.tables == nil || spec.Tables != sdk.AnyTable)
}

// covers reports whether one of the caller's scopes covers a call of the action.
func (c *caller) covers(integration string, spec *sdk.ActionSpec) bool {
	if !spec.ByName {
		return c.may("integrations", integration, spec.Name)
	}
	return slices.ContainsFunc(c.scopes, func(s access.Scope) bool { return s.GrantsByName("integrations", integration, spec.Name) })
}

// authorizeCall returns a 403 unless one of the caller's scopes covers a call of the
// action, whatever its params.
func (c *caller) authorizeCall(a *action.Action) error {
	if refusal := c.refuseCall(&a.Descriptor); refusal != nil {
		return refusal
	}
	return nil
}

// refuseCall is authorizeCall, and nil where that is.
func (c *caller) refuseCall(d *action.Descriptor) *apiError {
	if c.covers(d.Integration(), d.Spec()) {
		return nil
	}
	permission := []string{"integrations", d.Integration(), d.Spec().Name}
	refusal := c.forbidden(permission...)
	if c.may(permission...) {
		refusal.detail += ": no scope with * in place of the action's name grants it"
	}
	return refusal
}

// authorize returns a 403 unless one of the caller's scopes covers the permission.
func (c *caller) authorize(permission ...string) error {
	if c.may(permission...) {
		return nil
	}
	return c.forbidden(permission...)
}

// authorizeOne returns a 403 unless the caller meets one of the requirements of an
// endpoint, filled with the arguments of its path.
func (c *caller) authorizeOne(needs []requirement, argument func(name string) string) error {
	for _, q := range needs {
		if c.may(q.permission(argument)...) {
			return nil
		}
	}
	refusal := c.forbidden(needs[0].permission(argument)...)
	if len(needs) > 1 {
		scopes := make([]string, len(needs))
		for i, q := range needs {
			scopes[i] = q.String()
		}
		refusal.detail = fmt.Sprintf("this needs the scope %s, and the token %s has none of them", strings.Join(scopes, orScope), c.name)
	}
	return refusal
}

// forbidden is the 403 of a caller without the permission.
func (c *caller) forbidden(permission ...string) *apiError {
	needed := access.ScopeFor(permission...).String()
	detail := fmt.Sprintf("this needs the scope %s, which the token %s does not have", needed, c.name)
	if slices.Contains(permission, access.AnyName) {
		detail = fmt.Sprintf("this needs a scope %s, which the token %s does not have", access.FormFor(permission...), c.name)
	}
	return &apiError{
		code:   sdk.CodeForbidden,
		detail: detail,
		// RFC 6750 section 3.1.
		header: map[string]string{"WWW-Authenticate": fmt.Sprintf(`Bearer realm="backflow", error="insufficient_scope", scope="%s"`, headerSafe(needed))},
	}
}

// headerSafe keeps a name from a path from ending a quoted string of a header.
func headerSafe(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, s)
}

// authenticator knows tokens by their hashes.
type authenticator struct {
	hashes  []access.Hash
	callers []*caller // in the order of hashes
}

func newAuthenticator(tokens []Token) (*authenticator, error) {
	a := &authenticator{}
	names := map[string]bool{}
	for i, t := range tokens {
		if t.Name == "" || names[t.Name] {
			return nil, fmt.Errorf("token %d (%s): a token has a name of its own", i+1, t.Name)
		}
		names[t.Name] = true
		switch {
		case t.Hash == access.Hash{}:
			return nil, fmt.Errorf("token %d (%s): a token has a hash", i+1, t.Name)
		case slices.Contains(a.hashes, t.Hash):
			return nil, fmt.Errorf("token %d (%s): another token has the same hash", i+1, t.Name)
		}
		a.hashes = append(a.hashes, t.Hash)
		a.callers = append(a.callers, &caller{id: "token:" + t.Name, name: t.Name, scopes: t.Scopes, tables: t.Tables})
	}
	return a, nil
}

// authenticate returns the caller of a request. Without tokens in the config, no
// request has one.
func (a *authenticator) authenticate(r *http.Request) (*caller, error) {
	token, err := tokenOf(r)
	if err != nil {
		return nil, err
	}
	hash := access.HashOf(token)
	// Every hash is compared, each in constant time: how long it takes says
	// neither how much of a hash is right nor which token was meant.
	found := -1
	for i := range a.hashes {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], a.hashes[i][:]), i, found)
	}
	if found < 0 {
		return nil, unauthorized("the token is not known", `, error="invalid_token"`)
	}
	return a.callers[found], nil
}

// tokenOf returns the token of a request. Authorization counts before X-API-Key.
// A header that is given twice is an error, as it could be read either way.
func tokenOf(r *http.Request) (string, error) {
	authorization, keys := r.Header.Values("Authorization"), r.Header.Values("X-Api-Key")
	switch {
	case len(authorization) > 1 || len(keys) > 1:
		return "", unauthorized("credentials are given more than once", `, error="invalid_request"`)
	case len(authorization) == 1:
		scheme, token, _ := strings.Cut(authorization[0], " ")
		token = strings.Trim(token, " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			return "", unauthorized("Authorization must be: Bearer and the token", `, error="invalid_request"`)
		}
		return token, nil
	case len(keys) == 1 && keys[0] != "":
		return keys[0], nil
	}
	return "", unauthorized("send a token as Authorization: Bearer <token>", "")
}

// unauthorized is a 401; parameters follow the challenge's realm (RFC 6750).
func unauthorized(detail, parameters string) error {
	return &apiError{
		code:   codeUnauthorized,
		detail: detail,
		header: map[string]string{"WWW-Authenticate": `Bearer realm="backflow"` + parameters},
	}
}
