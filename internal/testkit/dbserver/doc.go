// Package dbserver runs private servers of databases for tests: on a free port of
// 127.0.0.1, with data in a directory of their own, with passwords, and with the means to
// kill, restart and fill them. What a server accepts as written is on its disk, as with
// its own settings. None outlives the tests' process, however that ends.
//
// What differs between the kinds of servers is an Engine; packages postgrestest and
// mariadbtest have one each, and are what tests call.
//
// Only tests may import it. The package imports internal/testkit and
// internal/testkit/daemon.
package dbserver
