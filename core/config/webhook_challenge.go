package config

// WebhookChallenge is how the sender of a webhook tests its URL before it sends events
// there.
type WebhookChallenge struct {
	// Given: the config has the key.
	Given bool
	// Method is GET or POST; empty is what the provider has itself.
	Method string
	// Param and Path are where the text is that is sent back: a parameter of the query, or
	// a dotted path in the JSON body.
	Param, Path string
	// VerifyToken is what the sender has to show; zero is nothing.
	VerifyToken Secret
}

func webhookChallengeSchema() schema[WebhookChallenge] {
	return object(
		key("method", oneOf("GET", "POST"), func(c *WebhookChallenge) *string { return &c.Method },
			"Method of the challenge. Left out: the provider's own challenge."),
		key("param", text("name", checkNotEmpty), func(c *WebhookChallenge) *string { return &c.Param },
			"Of a GET: the parameter of the query whose text is sent back, such as `hub.challenge`."),
		key("path", text("path", checkNotEmpty), func(c *WebhookChallenge) *string { return &c.Path },
			"Of a POST: where in the JSON body the text is that is sent back, such as `data.challenge`."),
		key("verifyToken", secretText(anyText), func(c *WebhookChallenge) *Secret { return &c.VerifyToken },
			"What the sender has to show: in the query or in the body as `hub.verify_token`, `verify_token`, `verifyToken` or `token`."),
	).with(func(v value, c *WebhookChallenge) {
		method := v.node.Get("method")
		c.Given = v.node.Kind == Object && (method == nil || c.Method != "") // else it is a fault already
		switch {
		case v.node.Kind != Object:
		case c.Method == "GET" && c.Param == "", c.Method == "POST" && c.Path == "":
			where := map[string]string{"GET": "param", "POST": "path"}[c.Method]
			if v.node.Get(where) == nil {
				v.fault("", "a challenge by %s needs %q", c.Method, where)
			}
		case c.Method == "GET" && c.Path != "":
			v.add(v.node.member("path").KeyPos, `a GET has no body: give "param"`, "%s%q is for a challenge by POST", v.prefix(), "path")
		case c.Method == "POST" && c.Param != "":
			v.add(v.node.member("param").KeyPos, `give "path"`, "%s%q is for a challenge by GET", v.prefix(), "param")
		case c.Method == "" && method == nil && (c.Param != "" || c.Path != ""):
			v.fault(`"GET" or "POST"`, "%q is missing", "method")
		}
	})
}
