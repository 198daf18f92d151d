// Package provider knows how the senders of webhooks sign and what they send: each
// is a Provider, which a plugin brings or which is a row of the table of built-in
// ones.
//
// A provider judges one request and keeps nothing. What becomes of a genuine one is
// decided above, by package webhook.
//
// The package imports sdk, sdk/suggest and sdk/value.
package provider
