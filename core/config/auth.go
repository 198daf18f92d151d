package config

import (
	"strings"

	"github.com/backflow/backflow/core/access"
)

// Auth says who may use the gateway. No tokens means that nobody may.
type Auth struct {
	Tokens []Token
}

// Token is an API token, known by its hash alone.
type Token struct {
	Pos  Pos
	Name string
	Hash access.Hash
	// Scopes say what the token may do.
	Scopes []access.Scope
	// Tables are the only ones that the token may touch; nil bounds nothing.
	Tables []string
}

func authSchema() schema[Auth] {
	return object(
		key("tokens", uniqueBy(uniqueBy(list(tokenSchema()), "name"), "hash"), func(a *Auth) *[]Token { return &a.Tokens },
			"API tokens. `backflow token new` makes one."),
		unsupported[Auth]("jwt"),
	)
}

func tokenSchema() schema[Token] {
	return object(
		key("name", text("name", simpleName("a token").check), func(t *Token) *string { return &t.Name },
			"Name of the token, unique; logs and idempotency records know the caller by it.").required(),
		key("hash", parsed(expandedText, "hash", access.ParseHash), func(t *Token) *access.Hash { return &t.Hash },
			"`sha256:` and the hex SHA-256 of the token.").required(),
		key("scopes", list(parsed(text, "scope", access.ParseScope)), func(t *Token) *[]access.Scope { return &t.Scopes },
			"What the token may do: `"+strings.Join(access.Forms(), "`, `")+"`; `*` stands for any part, as the last one for the rest.").required(),
		key("tables", list(text("string", checkNotEmpty)).with(notNone), func(t *Token) *[]string { return &t.Tables },
			"The only tables that the token may touch, as a call names them. An action that may touch any is refused; what touches no table is not affected."),
	).with(func(v value, t *Token) { t.Pos = v.node.Pos })
}

// notNone makes an empty list of tables a fault: such a token could touch none, where
// one without the key may touch any.
func notNone(v value, tables *[]string) {
	if v.node.Kind == Array && len(*tables) == 0 {
		v.fault("leave the key out where the token may touch any table", "names no table")
	}
}
