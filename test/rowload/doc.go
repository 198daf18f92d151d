// Package rowload measures inserts and reads of rows through the gateway, beside those of
// the database's driver itself, in one run. Its figures are in docs/performance.md.
//
// It has benchmarks alone. The package imports nothing of the project.
package rowload
