// Package telemetry makes what operators read: structured logs that carry the
// request id of the request they belong to and never a secret.
//
// The package imports core/visible and sdk/value. It does not know which values are
// secret: the reader of the config adds them to a [Redactor].
package telemetry
