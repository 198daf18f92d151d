package redis

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/core/state/statetest"
)

func BenchmarkCommit(b *testing.B) {
	for _, fsync := range []string{everysec, always} {
		b.Run(fsync, func(b *testing.B) {
			server := redistest.Start(b, redistest.Options{AppendFsync: fsync})
			statetest.Bench(b, func(b *testing.B) state.Store {
				return open(b, Options{URL: server.URL(), Prefix: uuid.NewString() + ":"})
			}, func(b *testing.B) func() error { return openFloor(b, server) })
		})
	}
}

// floorSource appends an entry if the list is as long as the caller believes.
const floorSource = `
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
return 1`

// openFloor is the least that a conditional append by script costs: as many
// callers as wait share a pipeline, each with a call of its own.
func openFloor(b *testing.B, server *redistest.Server) func() error {
	client := server.Client()
	sha, err := client.ScriptLoad(context.Background(), floorSource).Result()
	if err != nil {
		b.Fatal(err)
	}
	queue := make(chan chan error, 1024)
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() { pipeline(client, sha, queue) })
	}
	b.Cleanup(func() {
		close(queue)
		wg.Wait()
		if err := client.Close(); err != nil {
			b.Error(err)
		}
	})
	return func() error {
		done := make(chan error, 1)
		queue <- done
		return <-done
	}
}

func pipeline(client *goredis.Client, sha string, queue chan chan error) {
	var waiting []chan error
	key, length := uuid.NewString(), 0
	for first := range queue {
		waiting = append(waiting[:0], first)
		for more := true; more; {
			select {
			case next, ok := <-queue:
				if more = ok; ok {
					waiting = append(waiting, next)
				}
			default:
				more = false
			}
		}
		_, err := client.Pipelined(context.Background(), func(p goredis.Pipeliner) error {
			for range waiting {
				if length == 4 {
					key, length = uuid.NewString(), 0
				}
				p.EvalSha(context.Background(), sha, []string{key}, length, statetest.BenchEntry)
				length++
			}
			return nil
		})
		for _, done := range waiting {
			done <- err
		}
	}
}
