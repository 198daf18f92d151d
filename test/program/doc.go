// Package program builds Backflow's programs and runs them for tests, as a user
// would: real binaries, a config file, HTTP.
//
// A Site is a directory with a config and plugins of its own; a Gateway is a
// program that runs there. Everything that a test starts is ended with it, by
// process id, and what the programs printed is shown when the test fails.
//
// Only tests may import it. It knows the command line and the HTTP interface,
// and imports nothing of core.
package program
