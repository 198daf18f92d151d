package config

import (
	"time"

	"github.com/backflow/backflow/core/workflow"
	syntax "github.com/backflow/backflow/sdk/value"
)

// Reconcile says how the events of a webhook are compared with what its vendor lists.
type Reconcile struct {
	// Given says that the webhook asks for it.
	Given bool
	// Every is the time from comparison to comparison, Lookback how far back one looks
	// at most, Grace how old an event is at least that it looks for.
	Every, Lookback, Grace time.Duration
	// Rate bounds how fast missing events are taken in.
	Rate workflow.Rate
	// Complete says that the list names all that the webhook receives.
	Complete bool
	// From is an action that lists the events, in the place of the webhook's provider.
	From ReconcileFrom
}

// ReconcileFrom is an action that lists what a vendor has made.
type ReconcileFrom struct {
	// Given says that there is one.
	Given bool
	// Integration and Action name it. Params is its params, a template; its ID is empty.
	Integration, Action string
	Params              Definition
	// What follows are paths: Items, Next and More in the result, the others in an item.
	// Empty is the result, or the item, itself; Next and More may be missing, then empty.
	Items, ID, Type, Created, Payload, Next, More string
}

const (
	// maxLookback is for how long ids of events are remembered: what is older could not
	// be told from what is new.
	maxLookback = 30 * 24 * time.Hour
	// minEvery is the shortest time from comparison to comparison: each one asks the
	// vendor.
	minEvery = time.Second
	// defaultGrace is that of a comparison that comes round more slowly.
	defaultGrace = 5 * time.Minute
)

func reconcileSchema() schema[Reconcile] {
	return object(
		key("every", duration(), func(r *Reconcile) *time.Duration { return &r.Every },
			"The time from comparison to comparison, a second at least.").withDefault(`"15m"`),
		key("lookback", duration(), func(r *Reconcile) *time.Duration { return &r.Lookback },
			"How far back one looks at most: the first one, and one after an outage. 720h at most, and no longer than the vendor lists events.").withDefault(`"72h"`),
		key("grace", duration(), func(r *Reconcile) *time.Duration { return &r.Grace },
			"How old an event is at least that is looked for: a younger one may be under delivery. No longer than `every`. Default: `5m`, or `every` where that is shorter."),
		key("rate", rateSchema(), func(r *Reconcile) *workflow.Rate { return &r.Rate },
			"How fast missing events are taken in, as in `50/s` or `100/m`.").withDefault(`"20/s"`),
		key("complete", boolean(), func(r *Reconcile) *bool { return &r.Complete },
			"Whether the list names all that the webhook receives. With `false` nothing is called unknown to the vendor.").withDefault("true"),
		key("from", reconcileFromSchema(), func(r *Reconcile) *ReconcileFrom { return &r.From },
			"An action that lists the events, in the place of the provider."),
	).with(func(v value, r *Reconcile) {
		r.Given = true
		written := func(key string) value {
			if n := v.node.Get(key); n != nil {
				return v.at(key, n)
			}
			return v
		}
		if r.Every < minEvery && r.Every > 0 {
			written("every").fault("", "%s is too short: each comparison asks the vendor, so it is %s at least", syntax.Duration(r.Every), syntax.Duration(minEvery))
		}
		switch {
		case r.Lookback > maxLookback:
			written("lookback").fault("", "%s is longer than ids of events are remembered, %s: an older event could not be told from a new one", syntax.Duration(r.Lookback), syntax.Duration(maxLookback))
		case r.Every > r.Lookback:
			written("lookback").fault("look back further, or compare more often", "%s is shorter than the time between comparisons, %s: what lies between would never be looked at", syntax.Duration(r.Lookback), syntax.Duration(r.Every))
		}
		switch {
		case r.Grace == 0:
			r.Grace = min(defaultGrace, r.Every)
		case r.Grace > r.Every:
			written("grace").fault("", "%s is longer than the time between comparisons, %s", syntax.Duration(r.Grace), syntax.Duration(r.Every))
		}
	})
}

func reconcileFromSchema() schema[ReconcileFrom] {
	return object(
		key("integration", text("name", integrationName.check), func(f *ReconcileFrom) *string { return &f.Integration },
			"The integration, such as one of `customIntegrations`.").required(),
		key("action", text("name", checkNotEmpty), func(f *ReconcileFrom) *string { return &f.Action },
			"Its action that lists events.").required(),
		key("params", listParamsSchema(), func(f *ReconcileFrom) *Definition { return &f.Params },
			"Its params, with placeholders: `{{since}}` and `{{until}}` (RFC 3339; the first is included, the second is not), `{{sinceUnix}}` and `{{untilUnix}}` (seconds), `{{limit}}`, and `{{cursor?}}`, which the first page is asked for without.").withDefault("{}"),
		key("items", resultPath(), func(f *ReconcileFrom) *string { return &f.Items },
			"The list, as a path in the result; empty: the result itself.").withDefault(`"data"`),
		key("id", memberPath(), func(f *ReconcileFrom) *string { return &f.ID },
			"The id of the event in an item of the list: the same as that of the webhook.").withDefault(`"id"`),
		key("type", memberPath(), func(f *ReconcileFrom) *string { return &f.Type },
			"Its type.").withDefault(`"type"`),
		key("created", memberPath(), func(f *ReconcileFrom) *string { return &f.Created },
			"When it happened: RFC 3339, or seconds or milliseconds since 1970.").withDefault(`"created"`),
		key("payload", resultPath(), func(f *ReconcileFrom) *string { return &f.Payload },
			"What the webhook would have brought as `payload`; empty: the item itself.").withDefault(`""`),
		key("next", resultPath(), func(f *ReconcileFrom) *string { return &f.Next },
			"What `{{cursor?}}` is for the next page, as a path in the result; where it leads to nothing, `null` or an empty text, there is none.").withDefault(`"nextCursor"`),
		key("more", resultPath(), func(f *ReconcileFrom) *string { return &f.More },
			"Instead of `next`: a path to `true` where more pages follow. The cursor is then the id of the last event.").withDefault(`""`),
	).with(func(v value, f *ReconcileFrom) {
		f.Given = true
		if f.Params.Node == nil || v.node.Get("params") == nil {
			f.Params = Definition{Raw: []byte("{}"), Node: &Node{Kind: Object, Pos: v.node.Pos}}
		}
		if f.More == "" {
			return
		}
		if v.node.Get("next") != nil {
			v.at("more", v.node.Get("more")).fault("leave out one of them", "both next and more are given")
		}
		f.Next = ""
	})
}

// listParamsSchema declares the params of the action that lists events.
func listParamsSchema() schema[Definition] {
	return schema[Definition]{
		description: description{typ: "object", jsonSchema: map[string]any{"type": "object"}},
		decode: func(v value, into *Definition) {
			if !v.expect(Object, "an object") {
				return
			}
			v.noSecrets("the params of a list of events", credentialsInstead)
			*into = Definition{Raw: v.node.JSON(), Node: v.node}
		},
	}
}

// resultPath declares a path into a result, which may be empty.
func resultPath() schema[string] {
	return text("path", func(s string) (problem, hint string) {
		if s == "" {
			return "", ""
		}
		return checkPath(s)
	})
}

// memberPath declares a path to a member of an item.
func memberPath() schema[string] { return text("path", checkPath) }

func checkPath(s string) (problem, hint string) {
	if _, end, err := syntax.ScanPath(s, 0); err != nil || end != len(s) {
		return "not a path", `names with dots between them, as in "data.items" or "events[0].id"`
	}
	return "", ""
}
