package config

// WebhookRespond is the response to an event that is stored. The zero value is the
// gateway's own.
type WebhookRespond struct {
	Given  bool
	Status int
	// Type is a media type, empty where none is given.
	Type string
	// Body is a template of any type; its Node is nil without one.
	Body Definition
}

// webhookRespondSchema declares the response; package webhook says what may be in it.
func webhookRespondSchema() schema[WebhookRespond] {
	return object(
		key("status", integer(100, 599), func(r *WebhookRespond) *int { return &r.Status },
			"The status, 200 to 299.").withDefault("200"),
		key("type", text("media type", checkNotEmpty), func(r *WebhookRespond) *string { return &r.Type },
			"The media type of the body, never a page of HTML. Without it: `text/plain` for a text, else `application/json`."),
		key("body", respondBodySchema(), func(r *WebhookRespond) *Definition { return &r.Body },
			"The body, a template over `payload`, `headers` and `query`: a string is a text, anything else JSON. Without it there is none."),
	).with(func(_ value, r *WebhookRespond) { r.Given = true })
}

func respondBodySchema() schema[Definition] {
	return schema[Definition]{
		description: description{typ: "any", jsonSchema: map[string]any{}},
		decode: func(v value, into *Definition) {
			v.noSecrets("the response to a sender", "a sender is never sent a secret")
			*into = Definition{Raw: v.node.JSON(), Node: v.node}
		},
	}
}
