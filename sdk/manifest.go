package sdk

import (
	"encoding/json"
	"strings"
	"time"
)

// Manifest says what a plugin is and what it can do. It is constant for the
// life of a plugin process: the gateway asks for it once after the start,
// before Configure, and never hands over a secret to get it.
type Manifest struct {
	// Name is the integration's name in config and paths: lower-case letters,
	// digits and hyphens, starting with a letter.
	Name string `json:"name"`
	// Version is the plugin's own version, a semantic version without "v".
	Version string `json:"version"`
	// Description is one sentence for people.
	Description string `json:"description,omitempty"`
	// Actions are in the order in which they are listed to users.
	Actions []ActionSpec `json:"actions"`
	// Credentials is the JSON Schema (2020-12) of the plugin's entry under
	// "credentials" in the config. A secret field carries "writeOnly": true; a
	// field that names a folder, "format": "directory-path".
	// Empty means that the plugin takes no credentials.
	Credentials json.RawMessage `json:"credentials,omitempty"`
	// Webhook is set when the plugin can verify its vendor's webhooks; it then
	// implements WebhookVerifier.
	Webhook *WebhookCapability `json:"webhook,omitempty"`
	// Sandbox says that the plugin can stand in for its vendor, so that a
	// developer needs no account: see Config.Sandbox.
	Sandbox bool `json:"sandbox,omitempty"`
	// ChecksUses says that the plugin can hold what a config asks of it against what is
	// there; it then implements UseChecker.
	ChecksUses bool `json:"checksUses,omitempty"`
	// NotInDev says which credentials may not be on a developer's machine: the
	// gateway does not start in dev with one that a pattern matches.
	NotInDev []CredentialPattern `json:"notInDev,omitempty"`
}

// CredentialPattern matches texts of a field of the credentials.
type CredentialPattern struct {
	// Field is the name of a field at the top of the credentials' schema.
	Field string `json:"field"`
	// Pattern is a regular expression (RE2) that matches the whole text of the
	// field, less the white space around it.
	Pattern string `json:"pattern"`
	// Reason completes "the field is ...", and says what to do instead, such as "a
	// live key: take a test key". It is shown, so that it quotes nothing.
	Reason string `json:"reason"`
}

// Matches reports whether the pattern matches a text of its field. It is false for a
// pattern that is no regular expression, which no manifest may have.
func (p *CredentialPattern) Matches(text string) bool {
	pattern, err := wholeText(p.Pattern)
	return err == nil && pattern.MatchString(strings.TrimSpace(text))
}

// ActionSpec describes one thing that an integration does.
type ActionSpec struct {
	// Name is camelCase and unique within the plugin.
	Name string `json:"name"`
	// Description is one sentence for people.
	Description string `json:"description,omitempty"`
	// Params is the JSON Schema (2020-12) of the params, an object. The gateway
	// checks params against it before Execute is called.
	Params json.RawMessage `json:"params"`
	// Result is the JSON Schema of the result; empty means anything.
	Result json.RawMessage `json:"result,omitempty"`
	// Sensitive names members of the result, at any depth, whose texts a run does not
	// keep, unless one of its steps reads them, and that nobody is shown: what lets a
	// browser finish a payment, for instance. A call over HTTP returns them.
	Sensitive []string `json:"sensitive,omitempty"`
	// HTTP binds the action to a method and path below /integrations/{name};
	// nil means that it is only reachable by its name.
	HTTP *HTTPBinding `json:"http,omitempty"`
	// Writes is false for an action that changes nothing anywhere. With Variants it is
	// true if any call may write.
	Writes bool `json:"writes,omitempty"`
	// Repeat says what a second Execute with the same idempotency key does.
	// It is ignored for actions that do not write.
	Repeat Repeat `json:"repeat,omitempty"`
	// KeyLifetime is how long a key is honoured, for RepeatNative and
	// RepeatTransactional; zero means forever. In JSON: nanoseconds.
	KeyLifetime time.Duration `json:"keyLifetime,omitempty"`
	// Permissions are the rights that a call needs, in the vendor's own words and
	// form, such as "PaymentIntents: Write": those to give to a key that can do
	// nothing else.
	Permissions []string `json:"permissions,omitempty"`
	// Variants say which calls are treated otherwise than the fields above say.
	Variants []Variant `json:"variants,omitempty"`
	// ByName says that a scope grants the action only if it names it: a scope for all
	// actions of the integration does not.
	ByName bool `json:"byName,omitempty"`
	// Inner names a param at the top of the schema that is a list of calls of the same
	// integration, each an object of "action" and "params": a caller needs the scope of
	// each of them, and the params of each are checked against the schema of its action.
	// None of them may be of an action that has Inner itself. A text in their params
	// that is one placeholder of the root results, such as "{{results[0].id}}", is for
	// the plugin, which puts the result of that call there: see package sdk/results.
	Inner string `json:"inner,omitempty"`
	// Tables names the param at the top of the schema whose text is the table that a
	// call reads or writes; AnyTable says that a call may touch any. A caller whose
	// token is bound to some tables may call the action for these only, one of AnyTable
	// not at all. Empty: the action touches no table, but for those of its inner calls.
	Tables string `json:"tables,omitempty"`
	// Examples are params (and results) that work, for docs, tests and the
	// lines that a developer pastes.
	Examples []Example `json:"examples,omitempty"`
}

// AnyTable is the Tables of an action that may touch any table.
const AnyTable = "*"

// HTTPBinding is a method and a path, such as GET and
// "/subscriptions/:subscriptionId". A segment ":x" becomes the param x, a name of the
// query the param of that name, and the members of a JSON body the params of theirs.
// Query and Body gather them in one param instead, where their names are data.
type HTTPBinding struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Query names a param, an object, that gets the names of the query, each with the
	// list of its texts in their order: "?a=1&b=2&a=3" is {"a":["1","3"],"b":["2"]}. Without
	// any such name the param is left out.
	Query string `json:"query,omitempty"`
	// Reserved are, where Query is set, the names of the query that are params of
	// their own all the same.
	Reserved []string `json:"reserved,omitempty"`
	// Body names the param that the whole JSON body becomes, whatever it is.
	Body string `json:"body,omitempty"`
}

// Example is one call that works.
type Example struct {
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result,omitempty"`
}

// Repeat says how an integration treats a second call with the same key.
type Repeat string

// The ways in which a repeated call is treated.
const (
	// RepeatNone: the key is ignored, a repeat may act twice.
	RepeatNone Repeat = "none"
	// RepeatNative: the vendor itself honours an idempotency key.
	RepeatNative Repeat = "native"
	// RepeatTransactional: key and result are kept in the effect's own transaction.
	RepeatTransactional Repeat = "transactional"
	// RepeatIdempotent: a repeat does no harm, whatever the key.
	RepeatIdempotent Repeat = "idempotent"
)

// WebhookCapability describes the webhooks that a plugin can verify.
type WebhookCapability struct {
	// EventTypes are event types that SampleWebhook can make; empty when the
	// plugin does not implement WebhookSampler.
	EventTypes []string `json:"eventTypes,omitempty"`
	// SecretField names the credentials field that holds the webhook secret
	// used when a webhook's config names none, for instance "webhookSecret".
	SecretField string `json:"secretField,omitempty"`
	// Methods are those at which the vendor is served beside POST: GET, HEAD or both.
	Methods []string `json:"methods,omitempty"`
	// SignsURL says that the vendor signs the URL that it calls, so that a webhook can
	// be verified only where the gateway's public address is known.
	SignsURL bool `json:"signsUrl,omitempty"`
	// ListsEvents says that the plugin implements EventLister.
	ListsEvents bool `json:"listsEvents,omitempty"`
	// FetchAction names an action that returns what an event is about as it is now. Its
	// params are {"event": PAYLOAD}; it does not write. What was deleted is a result too:
	// {"deleted": true, "id": ID}.
	FetchAction string `json:"fetchAction,omitempty"`
	// SyncsEndpoints says that the plugin implements EndpointSyncer.
	SyncsEndpoints bool `json:"syncsEndpoints,omitempty"`
}
