// Package httpclient gives plugins an HTTP client that works wherever they run.
//
// In a process it is an ordinary client. In a WASM guest, which has no network,
// each request is made by the gateway, to the hosts that the config allows the
// plugin (allowedHosts) and to no private address unless the config names it; a
// redirect is a request like any other. The package is apart from package sdk,
// so that only guests that use it carry net/http.
//
// The package imports sdk, sdk/abi and sdk/internal/outgoing.
package httpclient
