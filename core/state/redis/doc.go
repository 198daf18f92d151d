// Package redis keeps state in a Redis server, for any number of gateways.
//
// Commits run in one Lua script, which checks every condition of a commit before
// it writes anything of it. Concurrent commits share a call of the script: as
// many as came during the last call are checked and applied one after the other.
// Each call has an id, which Redis stores together with the results. A call whose
// reply was lost is therefore repeated without being applied twice.
//
// Times to live and timers are judged by Redis's clock. Durability is Redis's
// own. With appendfsync always a commit that returned survives the machine; with
// everysec about two seconds of commits may be lost with it; Open refuses what
// would lose more. A failover to a replica that lags may lose commits that
// returned. After each start of the server its log is rewritten before the first
// commit (aof_rewrite.go says why).
//
// The package imports core/backoff, core/outage, core/state and
// core/state/internal/groupcommit. It knows nothing of what is kept.
package redis
