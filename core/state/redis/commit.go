package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/internal/groupcommit"
)

// callLimits bound one call of the script, during which Redis serves no other
// client.
var callLimits = groupcommit.Limits{Commits: 128, Bytes: 4 << 20}

// senders is how many calls may be in flight: while Redis works on one, the next
// is encoded and sent.
const senders = 2

// replicaWait is how long one call waits for replicas. It is below the driver's
// read timeout, so that the reply still arrives.
const replicaWait = time.Second

// replicasError says that the primary has applied a commit and too few replicas
// have it yet. The call is repeated as after a lost reply.
type replicasError struct {
	have int64
	want int
}

func (e *replicasError) Error() string {
	return fmt.Sprintf("%d of %d replicas have it (minReplicas)", e.have, e.want)
}

// send makes calls of the commit script until the queue is closed.
func (s *Store) send() {
	var batch []*groupcommit.Request
	var arguments []any
	for first := range s.queue.Requests() {
		batch = s.queue.Gather(batch[:0], first, callLimits)
		arguments = s.encode(arguments[:0], batch)
		s.commitBatch(batch, arguments)
		clear(batch)
		clear(arguments)
	}
}

// encode makes the command for a batch, as commit.lua reads it.
func (s *Store) encode(args []any, batch []*groupcommit.Request) []any {
	ops := 0
	for _, r := range batch {
		ops += len(r.Ops)
	}
	args = s.commit.arguments(args, 1+ops)
	args = append(args, s.keys.call(uuid.NewString()))
	for _, r := range batch {
		for i := range r.Ops {
			args = append(args, s.keys.of(&r.Ops[i]))
		}
	}
	args = append(args, s.resultTTL.Milliseconds(), len(batch))
	for _, r := range batch {
		head := len(args)
		args = append(args, len(r.Ops), 0)
		for i := range r.Ops {
			args = encodeOp(args, &r.Ops[i])
		}
		args[head+1] = len(args) - head - 2
	}
	return args
}

func encodeOp(args []any, op *state.Op) []any {
	value := op.Value
	if value == nil {
		value = []byte{}
	}
	switch op.Kind {
	case state.KindInsert:
		return append(args, "I", value, state.Millis(op.TTL))
	case state.KindPut:
		return append(args, "P", value, state.Millis(op.TTL))
	case state.KindReplace:
		return append(args, "K", value)
	case state.KindDelete:
		return append(args, "D")
	case state.KindRequire:
		return append(args, "R")
	case state.KindRequireValue:
		return append(args, "V", value)
	case state.KindAdd:
		return append(args, "+", op.ID)
	case state.KindRemove:
		return append(args, "-", op.ID)
	case state.KindAppend:
		return append(args, "A", op.Seq, value)
	case state.KindDropJournal:
		return append(args, "J")
	case state.KindSetTimer:
		if op.At.IsZero() {
			return append(args, "F", op.ID, state.Millis(max(op.After, 0)))
		}
		return append(args, "S", op.ID, op.DueMillis(time.Time{}))
	case state.KindClearTimer:
		return append(args, "C", op.ID)
	default: // state.Validate leaves no other
		return append(args, "U", op.ID)
	}
}

// commitBatch makes the call and completes the requests. The call is repeated while
// its outcome is unknown, for as long as the first request of the batch allows.
func (s *Store) commitBatch(batch []*groupcommit.Request, arguments []any) {
	var failed string
	err := s.retry(context.Background(), batch[0].At, func(ctx context.Context) (err error) {
		failed, err = s.call(ctx, arguments)
		return err
	})
	var conflicts map[int]error
	if err == nil {
		conflicts, err = parseConflicts(failed, batch)
	}
	if err != nil {
		err = fmt.Errorf("redis: commit: %w: %w", state.ErrUnavailable, err)
		for _, r := range batch {
			r.Complete(err)
		}
		return
	}
	for i, r := range batch {
		r.Complete(conflicts[i])
	}
}

// call runs the script once, and waits for replicas if configured. A server that
// does not know the script has executed nothing; call loads it and tries again.
func (s *Store) call(ctx context.Context, arguments []any) (string, error) {
	failed, err := s.run(ctx, arguments)
	if !unknownScript(err) {
		return failed, err
	}
	if err := s.loadScript(ctx); err != nil {
		return "", err
	}
	return s.run(ctx, arguments)
}

func (s *Store) run(ctx context.Context, arguments []any) (string, error) {
	if s.replicas == 0 {
		return s.client.Do(ctx, arguments...).Text()
	}
	// WAIT counts what its own connection wrote, so both go over one.
	both := s.client.Pipeline()
	done := both.Do(ctx, arguments...)
	waited := both.Do(ctx, "wait", s.replicas, replicaWait.Milliseconds())
	_, _ = both.Exec(ctx) // each command has its own error
	failed, err := done.Text()
	if err != nil {
		return "", err
	}
	have, err := waited.Int64()
	if err != nil {
		return "", err
	}
	if have < int64(s.replicas) {
		return "", &replicasError{have: have, want: s.replicas}
	}
	return failed, nil
}

// parseConflicts reads the script's reply: by commit, the error of its failed op.
func parseConflicts(reply string, batch []*groupcommit.Request) (map[int]error, error) {
	if reply == "" {
		return nil, nil
	}
	conflicts := map[int]error{}
	for pair := range strings.SplitSeq(reply, ",") {
		left, right, _ := strings.Cut(pair, ":")
		right, unfit := strings.CutSuffix(right, "!")
		commit, err1 := strconv.Atoi(left)
		index, err2 := strconv.Atoi(right)
		if err1 != nil || err2 != nil || commit >= len(batch) || index >= len(batch[commit].Ops) {
			return nil, fmt.Errorf("the script answered %q", reply)
		}
		op := batch[commit].Ops[index]
		if unfit {
			conflicts[commit] = &state.RefusedError{Index: index, Op: op, Reason: "Redis holds something of another type there, which Backflow has not written"}
		} else {
			conflicts[commit] = &state.ConflictError{Index: index, Op: op}
		}
	}
	return conflicts, nil
}
