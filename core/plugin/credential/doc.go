// Package credential checks the credentials of a plugin against the schema that
// the plugin publishes, and finds the secrets in them.
//
// The package imports sdk, sdk/pointer, sdk/schema and sdk/value.
package credential
