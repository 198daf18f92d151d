// Package integration is the database plugin: its manifest, its configuration,
// and its actions, each of which takes effect once for an idempotency key.
//
// It is written over package dialect and knows SQL that every database
// understands; what differs is a dialect's. A further database is a line in
// open's table of schemes. It imports sdk and nothing of the gateway.
package integration
