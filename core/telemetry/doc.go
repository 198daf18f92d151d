// Package telemetry makes what operators read: structured logs that carry the
// request id of the request they belong to and never a secret.
//
// It may import the standard library and nothing of the project, so that every
// package may use it. It does not know which values are secret: the reader of the
// config adds them to a [Redactor].
package telemetry
