package config

import (
	"slices"
	"strings"
)

// WebhookFilter says which events run. The zero value is all of them.
type WebhookFilter struct {
	// Types are patterns of types, in which * is any text.
	Types []string
	// Condition is what has to hold for an event; package webhook says of what.
	Condition string
}

// webhookFilterSchema declares a list of patterns, or a condition.
func webhookFilterSchema() schema[WebhookFilter] {
	types := list(text("pattern", checkTypePattern))
	condition := text("condition", func(s string) (problem, hint string) {
		switch {
		case strings.TrimSpace(s) == "":
			return "the condition is empty", "leave the key out to let every event through"
		case looksLikeType(s):
			return "a condition compares something, and this looks like a type", `types are given as a list: ["` + s + `"]`
		}
		return "", ""
	})
	return schema[WebhookFilter]{
		description: description{typ: "array of patterns, or condition", jsonSchema: map[string]any{
			"anyOf": []any{map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"type": "string"}}, map[string]any{"type": "string"}},
		}},
		decode: func(v value, into *WebhookFilter) {
			switch v.node.Kind {
			case Array:
				if types.decode(v, &into.Types); len(v.node.Elements) == 0 {
					v.fault("leave the key out to let every event through", "a list without a type lets no event through")
				}
			case String:
				condition.decode(v, &into.Condition)
			default:
				v.fault(`as in ["payment_intent.*"] or "{{payload.livemode}} === true"`, "expected an array of types or a condition, found %s", v.node.Kind)
			}
		},
	}
}

// checkTypePattern checks a pattern of types of events.
// looksLikeType reports whether what stands in the place of a condition can only be
// meant as the pattern of a type.
func looksLikeType(s string) bool {
	first, _, _ := strings.Cut(s, ".")
	return !slices.Contains([]string{"true", "false", "payload", "event", "headers", "query"}, first) &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.*/") == ""
}

func checkTypePattern(s string) (problem, hint string) {
	switch {
	case s == "":
		return "the pattern is empty", `"*" lets every type through`
	case strings.TrimSpace(s) != s:
		return "white space is around the pattern", "types are compared as they are"
	case strings.Contains(s, "{{"):
		return "a pattern has no placeholders", "a condition has them: give it as a string, without a list"
	}
	return "", ""
}
