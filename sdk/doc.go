// Package sdk is what an integration is written with, and the words that the
// gateway and its plugins share: Manifest, ActionSpec, Call, Result, Error.
//
// A plugin is what New makes of typed actions, or a type of its own that
// implements Plugin, and a main that hands it to Serve. Everything else (process
// handling, the wire, retries, idempotency records, the check of params against
// the schema) is the gateway's part.
//
// The package imports sdk/abi, sdk/gcpace, sdk/internal/shape and
// sdk/proto/backflow/plugin/v1. The files that a WASM guest compiles are free of
// gRPC.
package sdk
