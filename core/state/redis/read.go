package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/state"
)

// Get implements state.Store. All records are read at one instant.
func (s *Store) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = s.keys.record(ref.Bucket, ref.ID)
	}
	values := make([][]byte, len(refs))
	err := s.read(ctx, "get", func(ctx context.Context) error {
		for i, cmd := range s.getAll(ctx, names) {
			value, err := cmd.Bytes()
			switch {
			case errors.Is(err, goredis.Nil):
				values[i] = nil
			case isWrongType(err):
				s.logger.Error("a record in Redis is of a type that Backflow does not write", "key", names[i])
				values[i] = []byte{}
			case err != nil:
				return err
			default:
				values[i] = value
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// getAll reads keys at one instant. Unlike MGET, which takes a key of another type
// for missing, GET says so.
func (s *Store) getAll(ctx context.Context, names []string) []*goredis.StringCmd {
	if len(names) == 1 {
		return []*goredis.StringCmd{s.client.Get(ctx, names[0])}
	}
	all := s.client.TxPipeline()
	cmds := make([]*goredis.StringCmd, len(names))
	for i, name := range names {
		cmds[i] = all.Get(ctx, name)
	}
	_, _ = all.Exec(ctx) // each command has its own error
	return cmds
}

// isWrongType reports whether Redis holds something of another type at a key.
func isWrongType(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply) && strings.HasPrefix(reply.Error(), "WRONGTYPE")
}

// Range implements state.Store.
func (s *Store) Range(ctx context.Context, r state.Range) ([]string, error) {
	var members []string
	err := s.read(ctx, "range", func(ctx context.Context) (err error) {
		if err := r.Validate(); err != nil {
			return err
		}
		from, below := r.Bounds()
		low, high := "["+from, "("+below
		if below == "" {
			high = "+"
		}
		if r.Reverse {
			low, high = high, low
		}
		members, err = s.client.ZRangeArgs(ctx, goredis.ZRangeArgs{
			Key: s.keys.set(r.Set), ByLex: true, Rev: r.Reverse,
			Start: low, Stop: high, Count: int64(r.Limit),
		}).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// Count implements state.Store.
func (s *Store) Count(ctx context.Context, sets ...string) ([]int, error) {
	if len(sets) == 0 {
		return nil, nil
	}
	counts := make([]int, len(sets))
	err := s.read(ctx, "count", func(ctx context.Context) error {
		replies, err := s.client.TxPipelined(ctx, func(all goredis.Pipeliner) error {
			for _, set := range sets {
				all.ZCard(ctx, s.keys.set(set))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, reply := range replies {
			counts[i] = int(reply.(*goredis.IntCmd).Val())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// Journal implements state.Store.
func (s *Store) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	var entries [][]byte
	err := s.read(ctx, "journal", func(ctx context.Context) error {
		if err := state.ValidateJournal(id, limit); err != nil {
			return err
		}
		first := int64(max(from, 0))
		found, err := s.client.LRange(ctx, s.keys.journal(id), first, first+int64(limit)-1).Result()
		if err != nil {
			return err
		}
		entries = make([][]byte, len(found))
		for i, entry := range found {
			entries[i] = []byte(entry)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Due implements state.Store.
func (s *Store) Due(ctx context.Context, queue string, limit int) (due []state.Timer, next time.Duration, err error) {
	err = s.read(ctx, "due timers", func(ctx context.Context) error {
		if err := state.ValidateDue(queue, limit); err != nil {
			return err
		}
		arguments := append(s.due.arguments(nil, 1), s.keys.timers(queue), limit)
		reply, err := s.due.call(arguments, func(arguments []any) *goredis.Cmd {
			return s.client.Do(ctx, arguments...)
		}).StringSlice()
		if err != nil {
			return err
		}
		due, next, err = parseDue(reply)
		return err
	})
	if err != nil {
		return nil, -1, err
	}
	return due, next, nil
}

// parseDue reads the reply of due.lua.
func parseDue(reply []string) ([]state.Timer, time.Duration, error) {
	if len(reply) < 2 || len(reply)%2 != 0 {
		return nil, 0, fmt.Errorf("the script answered %d values", len(reply))
	}
	now, err := strconv.ParseInt(reply[0], 10, 64)
	if err != nil {
		return nil, 0, err
	}
	next := time.Duration(-1)
	if reply[1] != "" {
		at, err := parseScore(reply[1])
		if err != nil {
			return nil, 0, err
		}
		next = at.Sub(time.UnixMicro(now))
	}
	var due []state.Timer
	for i := 2; i < len(reply); i += 2 {
		at, err := parseScore(reply[i+1])
		if err != nil {
			return nil, 0, err
		}
		due = append(due, state.Timer{ID: reply[i], At: at})
	}
	return due, next, nil
}

// parseScore reads a time. Scores are whole milliseconds, which Redis may write
// with an exponent; a double holds them exactly.
func parseScore(score string) (time.Time, error) {
	ms, err := strconv.ParseFloat(score, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(ms)).UTC(), nil
}

// read runs f unless the store is closed, and retries it while Redis does not
// reply. It classifies the error: the caller's fault, the end of the context, or
// the store's failure.
func (s *Store) read(ctx context.Context, operation string, f func(context.Context) error) error {
	if err := s.queue.Enter(); err != nil {
		return err
	}
	defer s.queue.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.retry(ctx, time.Now(), f)
	switch {
	case err == nil || errors.Is(err, state.ErrInvalid):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case isWrongType(err):
		return fmt.Errorf("redis: %s: %w: %w", operation, state.ErrCorrupt, err)
	default:
		return fmt.Errorf("redis: %s: %w: %w", operation, state.ErrUnavailable, err)
	}
}
