// Package testkit holds what the tests of several packages share: the choice of
// long tests, programs and servers that a machine may lack, waiting for a
// condition, a proxy that cuts connections, the repository's own directory.
//
// Only tests may import it. The package imports nothing of the project.
package testkit
