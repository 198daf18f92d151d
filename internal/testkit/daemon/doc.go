// Package daemon runs servers for tests: processes that end with the process of the
// test, however that ends, and leave no files behind.
//
// Only tests may import it. The package imports nothing of the project.
package daemon
