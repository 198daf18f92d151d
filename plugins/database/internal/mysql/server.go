package mysql

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// server is what a server says of itself.
type server struct {
	mariadb      bool
	major, minor int
	patch        int
}

// The oldest versions that have what is needed: RETURNING and CHECK in
// information_schema with its table in MariaDB, SKIP LOCKED and CHECK in MySQL.
var (
	oldestMariaDB = server{mariadb: true, major: 10, minor: 6}
	oldestMySQL   = server{major: 8, minor: 0, patch: 16}
)

// parseServer reads what VERSION() returns, such as 10.11.6-MariaDB-log or 8.0.36
// (https://mariadb.com/kb/en/version/).
func parseServer(version string) (server, error) {
	found := server{mariadb: strings.Contains(strings.ToLower(version), "mariadb")}
	number, _, _ := strings.Cut(version, "-")
	parts := strings.SplitN(number, ".", 3)
	for i, target := range []*int{&found.major, &found.minor, &found.patch} {
		if i >= len(parts) {
			break
		}
		value, err := strconv.Atoi(parts[i])
		if err != nil {
			return server{}, fmt.Errorf("the server's version %q is not understood", version)
		}
		*target = value
	}
	oldest, name := oldestMySQL, "MySQL"
	if found.mariadb {
		oldest, name = oldestMariaDB, "MariaDB"
	}
	if found.before(oldest) {
		return server{}, fmt.Errorf("the server is %s %s; at least %d.%d.%d is needed", name, version, oldest.major, oldest.minor, oldest.patch)
	}
	return found, nil
}

// before reports whether a version is older than another one of the same kind.
func (s server) before(other server) bool {
	if s.major != other.major {
		return s.major < other.major
	}
	if s.minor != other.minor {
		return s.minor < other.minor
	}
	return s.patch < other.patch
}

// limit makes the server end statements that take longer than a time: all of them in
// MariaDB (https://mariadb.com/kb/en/aborting-statements/), those that only read in MySQL
// (https://dev.mysql.com/doc/refman/8.0/en/server-system-variables.html#sysvar_max_execution_time).
func (s server) limit(time time.Duration) string {
	if s.mariadb {
		return "SET SESSION max_statement_time = " + strconv.FormatFloat(max(time.Seconds(), 0.001), 'f', 3, 64)
	}
	return "SET SESSION max_execution_time = " + strconv.FormatInt(max(time.Milliseconds(), 1), 10)
}
