// Package redis keeps state in a Redis server, for any number of gateways.
//
// Commits run in one Lua script, which judges every condition of a commit
// before it writes anything of it. Concurrent commits share a call of it: as
// many as came during the last call, judged and applied one after the other.
// Each call has an id that Redis remembers together with the answers, so that a
// call whose answer was lost is repeated without being applied twice.
//
// Times to live and timers are judged by Redis's clock. Durability is Redis's
// own: with appendfsync always a commit that returned survives the machine,
// with everysec about two seconds of them may be lost with it; Open refuses
// what would lose more. A failover to a replica that lags may lose commits that
// returned. After each start of the server its log is rewritten before the first
// commit (whole.go says why).
//
// It imports core/state and go-redis, and knows nothing of what is kept.
package redis
