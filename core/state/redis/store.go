package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/internal/groupcommit"
)

// queueLength is how many commits may wait for a call of the script; further
// callers block in Commit until there is room.
const queueLength = 1024

// Store is a state.Store in a Redis server.
type Store struct {
	client     *goredis.Client
	keys       keys
	retryFor   time.Duration
	resultTTL  time.Duration // how long the id of a call is kept
	durability string
	limits     state.Limits
	commit     script
	due        script
	replicas   int // how many must have a commit
	logger     *slog.Logger
	outage     *outage.Log
	queue      *groupcommit.Queue
	senders    sync.WaitGroup
}

var (
	_ state.Store   = (*Store)(nil)
	_ state.Limited = (*Store)(nil)
)

// Open connects to Redis, checks that it keeps what it accepts, and brings the
// stored format up to date. While Redis cannot be reached it tries again for
// RetryFor.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	server, err := o.server()
	if err != nil {
		return nil, fmt.Errorf("redis: open state: %w", err)
	}
	if o.RetryFor == 0 {
		o.RetryFor = DefaultRetryFor
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		client:   server.client,
		keys:     keys(server.prefix),
		retryFor: o.RetryFor,
		// The last try begins within RetryFor and may reach Redis late.
		resultTTL: 2*o.RetryFor + time.Minute,
		commit:    newScript(commitSource),
		due:       newScript(dueSource),
		replicas:  o.MinReplicas,
		logger:    o.Logger,
		outage: outage.New(o.Logger, outage.Messages{
			Level:  slog.LevelWarn,
			Begins: "Redis cannot be used at present; trying again",
			Lasts:  "Redis still cannot be used; trying again",
			Ends:   "Redis can be used again",
		}),
	}
	err = s.retry(ctx, time.Now(), func(ctx context.Context) error {
		s.durability, err = check(ctx, s.client, o)
		if err != nil {
			return err
		}
		if s.limits, err = readLimits(ctx, s.client); err != nil {
			return err
		}
		if err := s.loadScript(ctx); err != nil {
			return err
		}
		return migrate(ctx, s.client, s.keys)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("redis: open state at %s: %w", server.name, err), s.client.Close())
	}
	s.queue = groupcommit.New(queueLength, s.limits)
	for range senders {
		s.senders.Go(s.send)
	}
	return s, nil
}

// Durability returns what decides how much may be lost with the machine: the
// server's appendfsync, or "volatile".
func (s *Store) Durability() string { return s.durability }

// Limits returns what the server takes in one commit. It implements state.Limited.
func (s *Store) Limits() state.Limits { return s.limits }

// Outage returns the log of Redis's outages, for the parts of the program that
// notice them through the store.
func (s *Store) Outage() *outage.Log { return s.outage }

// Commit implements state.Store.
func (s *Store) Commit(ctx context.Context, ops ...state.Op) error {
	return s.queue.Commit(ctx, ops)
}

// Close implements state.Store. It may be called more than once.
func (s *Store) Close() error {
	if !s.queue.Close() {
		return nil
	}
	s.senders.Wait()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redis: close state: %w", err)
	}
	return nil
}
