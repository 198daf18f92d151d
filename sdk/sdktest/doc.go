// Package sdktest tests plugins without a gateway: it calls an action as the
// gateway would, in one line,
//
//	sdktest.Call(t, hello(), "greet", greetParams{Name: "Ada"}).Is(greeting{Message: "Hello, Ada!"})
//
// with params checked against the action's schema, a deadline, an idempotency
// key, a log that is kept, and a network that is a handler of the test. Check
// tries everything that can be known of a plugin from within its own process;
// `backflow plugin test` tries the rest on what was built.
//
// The package imports sdk, sdk/internal/outgoing, sdk/internal/shape,
// sdk/internal/typedoc and sdk/manifest. What is true here is true of every
// plugin.
package sdktest
