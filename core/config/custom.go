package config

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk/suggest"
)

// CustomIntegration is a REST API that the config makes an integration. Its
// templates are handed on as they are written.
type CustomIntegration struct {
	Pos  Pos
	Name string
	// BaseURL is an http or https URL without a slash at its end. It is empty
	// where it needs what is not set (see Options.AllowUnsetEnv).
	BaseURL string
	Auth    CustomAuth
	Actions map[string]CustomAction

	node *Node
}

// CustomAuth says how the requests of a custom integration are authenticated.
type CustomAuth struct {
	// Type is "bearer", "basic", "header", "query", or "" for none.
	Type string
	// Token is for bearer, Username and Password for basic, Value for header and
	// query, of which Name names the header or query parameter.
	Token, Username, Password, Value Secret
	Name                             string
}

// CustomAction is one request of a custom integration. Path, Query, Headers
// and Body hold templates; the nodes are nil where the config has none.
type CustomAction struct {
	Method, Path         string
	Query, Headers, Body *Node
	// Params is the JSON Schema of the params; nil where it is to be derived.
	Params            *Node
	IdempotencyHeader string
	// Timeout bounds a call; zero is the default.
	Timeout time.Duration
}

// Fault returns a fault of the value that a JSON Pointer into the integration
// names, where it is written; the message is put behind the integration's name.
func (c CustomIntegration) Fault(pointer, message, hint string) Fault {
	return Fault{Pos: c.node.At(pointer), Message: "customIntegrations." + c.Name + pointerPath(pointer) + ": " + message, Hint: hint}
}

func customIntegrationsSchema() schema[[]CustomIntegration] {
	integration := object(
		key("name", text("name", integrationName.check), func(c *CustomIntegration) *string { return &c.Name },
			"Name of the integration; no plugin may have it.").required(),
		key("baseUrl", expandedText("URL", checkBaseURL).with(func(_ value, s *string) { *s = strings.TrimRight(*s, "/") }),
			func(c *CustomIntegration) *string { return &c.BaseURL },
			"What every path is put behind, such as `https://api.example.com/v1`.").required(),
		key("auth", customAuthSchema(), func(c *CustomIntegration) *CustomAuth { return &c.Auth },
			"How the requests are authenticated. Without it: not at all."),
		key("actions", dict(actionName, customActionSchema()), func(c *CustomIntegration) *map[string]CustomAction { return &c.Actions },
			"The requests, by the name of the action.").required(),
	).with(func(v value, c *CustomIntegration) {
		c.Pos, c.node = v.node.Pos, v.node
		if actions := v.node.Get("actions"); actions != nil && actions.Kind == Object && len(actions.Members) == 0 {
			v.at("actions", actions).fault("", "there is no action")
		}
	})
	return uniqueBy(list(integration), "name")
}

// actionName is what sdk.ActionSpec.Name allows.
var actionName = namePattern{
	what:    "an action",
	pattern: regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,62}$`),
	hint:    "letters and digits, starting with a lower-case letter, at most 63",
}

func customActionSchema() schema[CustomAction] {
	return object(
		key("method", oneOf(http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete),
			func(a *CustomAction) *string { return &a.Method },
			"`GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.").required(),
		key("path", text("template", anyText), func(a *CustomAction) *string { return &a.Path },
			"Path behind the base URL, such as `/users/{{params.userId}}`.").required(),
		key("query", templatesSchema(Object, "an object", "object of template"), func(a *CustomAction) **Node { return &a.Query },
			"Query parameters."),
		key("headers", templatesSchema(Object, "an object", "object of template"), func(a *CustomAction) **Node { return &a.Headers },
			"Headers, beside those that are sent by themselves."),
		key("body", templatesSchema(anyKind, "", "template"), func(a *CustomAction) **Node { return &a.Body },
			"What is sent as JSON."),
		key("params", templatesSchema(Object, "a JSON Schema", "JSON Schema"), func(a *CustomAction) **Node { return &a.Params },
			"What the params must be. Without it: an object of what the templates name."),
		key("idempotencyHeader", text("header", anyText), func(a *CustomAction) *string { return &a.IdempotencyHeader },
			"Header in which the API takes an idempotency key. With it, `POST` and `PATCH` may be repeated."),
		key("timeout", duration(), func(a *CustomAction) *time.Duration { return &a.Timeout },
			"How long a call may take, at most. Default: 30 seconds."),
	)
}

// anyKind is no Kind of a Node. It makes templates accept every kind.
const anyKind Kind = 0xff

// templatesSchema declares a value that is handed on as it is written, and that no
// secret may be in.
func templatesSchema(kind Kind, expected, typ string) schema[*Node] {
	constraint := map[string]any{}
	if kind == Object {
		constraint["type"] = "object"
	}
	return schema[*Node]{
		description: description{typ: typ, jsonSchema: constraint},
		decode: func(v value, into **Node) {
			if kind != anyKind && !v.expect(kind, expected) {
				return
			}
			v.noSecrets("custom integrations, but for their baseUrl and auth", "put it into auth")
			*into = v.node
		},
	}
}

// authKeys are the keys of each type of authentication, beside "type"; of a
// basic one the password may be left out.
var authKeys = map[string][]string{
	"bearer": {"token"},
	"basic":  {"username", "password"},
	"header": {"name", "value"},
	"query":  {"name", "value"},
}

func customAuthSchema() schema[CustomAuth] {
	return object(
		key("type", authTypeSchema(), func(a *CustomAuth) *string { return &a.Type },
			"`bearer`, `basic`, `header` or `query`.").required(),
		key("token", secretText(checkHeaderSafe), func(a *CustomAuth) *Secret { return &a.Token },
			"For `bearer`: the token."),
		key("username", userNameSchema(), func(a *CustomAuth) *Secret { return &a.Username },
			"For `basic`: the user."),
		key("password", secretText(checkHeaderSafe), func(a *CustomAuth) *Secret { return &a.Password },
			"For `basic`: the password. Without it: an empty one."),
		key("name", text("name", checkNotEmpty), func(a *CustomAuth) *string { return &a.Name },
			"For `header` and `query`: the name of the header or of the query parameter."),
		key("value", secretText(checkHeaderSafe), func(a *CustomAuth) *Secret { return &a.Value },
			"For `header` and `query`: its value."),
	).with(func(v value, a *CustomAuth) {
		keys, known := authKeys[a.Type]
		if !known {
			return // a fault already
		}
		for _, m := range v.node.Members {
			if m.Key != "type" && !slices.Contains(keys, m.Key) && slices.Contains(allAuthKeys, m.Key) {
				v.add(m.KeyPos, a.Type+" takes "+strings.Join(keys, " and "), "%sauthentication of type %s has no %s", v.prefix(), a.Type, m.Key)
			}
		}
		for _, k := range keys {
			if v.node.Get(k) == nil && k != "password" {
				v.fault("", "%q is missing: %s takes %s", k, a.Type, strings.Join(keys, " and "))
			}
		}
	})
}

var allAuthKeys = []string{"token", "username", "password", "name", "value"}

// authTypeSchema declares the types of authentication, with the one that is not
// there yet.
func authTypeSchema() schema[string] {
	s := oneOf("bearer", "basic", "header", "query")
	decode := s.decode
	s.decode = func(v value, into *string) {
		if v.node.Kind == String && v.node.Text == "oauth2" {
			v.fault(suggest.Hint("", []string{"bearer", "basic", "header", "query"}), "authentication of type oauth2 is not supported by this version")
			return
		}
		decode(v, into)
	}
	return s
}

// checkHeaderSafe must not quote the value, which is a secret.
func checkHeaderSafe(s string) (problem, hint string) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "the value holds a line end or another control character", "a secret is sent in one line"
	}
	return "", ""
}

// userNameSchema declares the user of basic authentication. Some APIs make it a
// secret. A name that is written out in the config is not secret, so that logs
// may hold the word; the value of a placeholder always is.
func userNameSchema() schema[Secret] {
	s := expandedText("text", func(s string) (problem, hint string) {
		switch {
		case s == "":
			return "the name is empty", ""
		case strings.Contains(s, ":"):
			return "the value holds a colon", "a colon ends the user's name, says RFC 7617"
		}
		return checkHeaderSafe(s)
	})
	return schema[Secret]{
		description: s.description,
		decode: func(v value, into *Secret) {
			var name string
			s.decode(v, &name)
			*into = NewSecret(name)
		},
	}
}

// checkBaseURL must not quote the URL, which may come from the environment.
func checkBaseURL(s string) (problem, hint string) {
	const example = `as in "https://api.example.com/v1"`
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return "not an http or https URL", example
	case u.User != nil:
		return "a base URL has no user", `write "auth": { "type": "basic", … }`
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "a base URL has no query or fragment", example
	}
	if problem := checkPort(u); problem != "" {
		return problem, example
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "a base URL has no segment . or ..", example
		}
	}
	return "", ""
}
