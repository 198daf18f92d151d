package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/backoff"
)

// A Redis that was killed, or lost power, while it wrote a commit to its log
// (AOF) may leave the beginning of one there: MULTI and some of the effects,
// without EXEC. When it starts again it applies none of that, but it only cuts
// off the last, torn command of the log (aof-load-truncated). What is logged
// from then on follows the open MULTI, and the next EXEC completes it. After one
// more restart a commit that was not applied would be there in part, or twice if
// it had been repeated. Where no EXEC follows, what was accepted since is lost.
// (Valkey has fixed it: valkey-io/valkey#4342.)
//
// A log that was rewritten since the server started holds none of that. Nothing
// is committed without the commit script, so the script is only loaded into a
// server whose log was rewritten. A restarted server knows no scripts and reports
// that, so the check costs a commit nothing.
//
// If the server is killed before the log is rewritten, it cuts off the open MULTI
// and ends, since more of the log follows. When it is started once more, it
// serves.

// errRewriting means that commits have to wait for the log.
var errRewriting = errors.New("its log is being rewritten, as after each start")

// loadScript loads the commit script into the server, after its log was rewritten.
func (s *Store) loadScript(ctx context.Context) error {
	conn := s.client.Conn()             // one server, also while Sentinels change it
	defer func() { _ = conn.Close() }() // goes back to the pool
	known, err := conn.ScriptExists(ctx, s.commit.sha).Result()
	if err != nil {
		return err
	}
	if len(known) == 1 && known[0] {
		return nil
	}
	if err := s.rewriteLog(ctx, conn); err != nil {
		return err
	}
	return conn.ScriptLoad(ctx, s.commit.source).Err()
}

// rewriteLog has the log rewritten unless it was since the server started, and
// waits a moment for it: long enough for a small one. It returns errRewriting when
// it takes longer.
func (s *Store) rewriteLog(ctx context.Context, conn *goredis.Conn) error {
	asked := false
	for pause := firstPause; pause <= maxPause; pause *= 2 {
		info, err := readInfo(ctx, conn)
		if err != nil {
			return err
		}
		switch {
		case info["aof_enabled"] == "0":
			return nil
		case info["aof_enabled"] == "":
			s.warnTornLog(errors.New("INFO does not tell of it"))
			return nil
		case info["aof_rewrite_in_progress"] == "1" || info["aof_rewrite_scheduled"] == "1":
		case info["aof_last_bgrewrite_status"] == "ok" && info["aof_last_rewrite_time_sec"] != "-1":
			return nil // -1 is never
		case asked:
			return errors.New("its log could not be rewritten, see the log of Redis")
		default:
			asked = true
			err := conn.BgRewriteAOF(ctx).Err()
			if err != nil && unknownOrForbidden(err) {
				s.warnTornLog(err)
				return nil
			}
			if err != nil && !strings.HasPrefix(err.Error(), "ERR Background") { // another gateway was first
				return fmt.Errorf("rewrite the log: %w", err)
			}
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
	return errRewriting
}

// warnTornLog logs that the server's log cannot be rewritten.
func (s *Store) warnTornLog(why error) {
	s.logger.Warn("Redis cannot be made to rewrite its log: a commit in the middle of which it is killed may be back in part after two restarts; set aof-load-truncated no", "error", why)
}

// unknownOrForbidden reports whether the server does not have a command, or does
// not permit it to the account.
func unknownOrForbidden(err error) bool {
	return strings.HasPrefix(err.Error(), "NOPERM") || strings.HasPrefix(err.Error(), "ERR unknown command")
}
