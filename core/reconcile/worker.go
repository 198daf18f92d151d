package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk"
)

const (
	// firstSpan is how long the first window is; each is sized by what the one before
	// held, from minSpan to maxSpan.
	firstSpan = time.Hour
	minSpan   = time.Second
	maxSpan   = 24 * time.Hour
	// flushInterval is how long what became of events is kept before it is written.
	flushInterval = time.Second
)

// worker works on one pass.
type worker struct {
	*Reconciler
	*entry
	// pass is the pass with all that is known; what is stored may lag behind.
	pass Pass
	// watermark, judged, confirmed and unproven are those of the record.
	watermark, judged time.Time
	confirmed         bool
	unproven          int

	recent  recent    // ids that the list has named last
	oldest  time.Time // creation of the oldest event that the list has named
	flushed time.Time // when the pass was written last
	next    time.Time // when the next event may be taken in
	retryIn time.Duration
}

// save writes the pass with what change makes of the record, unless another process has
// it.
func (w *worker) save(ctx context.Context, change func(*record) ([]state.Op, error)) error {
	err := w.update(ctx, w.Name, engine.Once{}, func(rec *record) ([]state.Op, error) {
		if rec.Lease != w.lease.ID() || rec.Pass == nil || rec.Pass.ID != w.pass.ID {
			return nil, errOther
		}
		p := w.pass.clone()
		rec.Pass, rec.Confirmed, rec.Unproven = &p, w.confirmed, w.unproven
		if p.ofItself() {
			rec.Watermark, rec.Judged = w.watermark, w.judged
		}
		return change(rec)
	})
	if err == nil {
		w.flushed = w.now()
	}
	return err
}

func nothingMore(*record) ([]state.Op, error) { return nil, nil }

// run goes through the time of the pass, window by window, the oldest first.
func (w *worker) run(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil { // a list that breaks the program costs its pass alone
			err = &sdk.Error{Code: sdk.CodeInternal, Message: fmt.Sprintf("panic: %v", p)}
		}
	}()
	w.flushed = w.now()
	span := w.span // as windows held what they should at last
	defer func() { w.span = span }()
	for first := true; first || w.pass.Through.Before(w.pass.Until); first = false {
		// A pass may have waited for long: what is forgotten by now counts as new.
		if floor := w.now().UTC().Add(-MaxLookback); w.pass.Through.Before(floor) {
			w.pass.Through = floor
		}
		from := w.pass.Through
		until := from.Add(span)
		if !until.Before(w.pass.Until) {
			until = w.pass.Until
		}
		listed, err := w.collect(ctx, window{from: from, until: until, open: !w.pass.ofItself() && until.Equal(w.pass.Until), splits: span > minSpan})
		switch {
		case errors.Is(err, errTooMany) || errors.Is(err, errCircle) && span > minSpan:
			span = max(min(until.Sub(from), span)/2, minSpan).Truncate(minSpan)
			continue
		case err != nil:
			return err
		}
		if err := w.take(ctx, listed); err != nil {
			return err
		}
		w.pass.Counts.Listed += listed.count
		w.pass.Through = until
		if w.pass.ofItself() && w.pass.Error == nil {
			w.watermark = later(w.watermark, until)
		}
		if err := w.retry(ctx, func() error { return w.save(ctx, nothingMore) }); err != nil {
			return err
		}
		if err := w.judge(ctx, listed); err != nil {
			return err
		}
		if listed.count < maxWindow/4 {
			span = min(span*2, maxSpan)
		}
	}
	if w.pass.Error != nil {
		return w.pass.Error
	}
	return nil
}

// finish ends the pass, and begins the next one that was asked for; nil where there is
// none.
func (w *worker) finish(ctx context.Context, failure error) (next *record, err error) {
	now := w.now().UTC()
	w.pass.Status, w.pass.FinishedAt = StatusSucceeded, now
	if failure != nil {
		w.pass.Status, w.pass.Error = StatusFailed, errorOf(failure)
	}
	err = w.retry(ctx, func() error {
		return w.save(ctx, func(rec *record) (ops []state.Op, err error) {
			ended := w.pass.clone()
			rec.Lease, rec.Pass, rec.Last = "", nil, &ended
			switch {
			case !w.pass.ofItself():
				ops = append(ops, state.Put(layout.BucketReconcilePass, passID(w.Name, w.pass.ID), encode(storedPass{Version: formatVersion, Pass: w.pass}), passLife))
			case failure == nil:
				rec.Succeeded = now
			case w.retryIn > w.Every: // the vendor asks for more time
				rec.Next = now.Add(w.retryIn)
				ops = append(ops, state.SetTimerAfter(layout.QueueReconcile, w.Name, w.retryIn))
			}
			if n, ok := w.pass.notice(); ok {
				ops = append(ops, n.Ops(now)...)
			}
			if next = nil; len(rec.Queue) > 0 {
				if _, ok := w.begin(rec, w.entry, false); ok {
					rec.Lease, next = w.lease.ID(), rec
				}
			}
			return ops, nil
		})
	})
	if err != nil {
		return nil, err
	}
	w.report(failure)
	return next, nil
}

// report says what came of a pass.
func (w *worker) report(failure error) {
	w.metrics.pass(w.Name, w.pass.Status)
	c := w.pass.Counts
	switch {
	case failure != nil && w.pass.ofItself():
		w.failures.Note("list events", failure)
	case failure != nil:
		w.log.Warn("the events of a webhook could not be compared with its vendor's list", "webhook", w.Name, "pass", w.pass.ID, "error", failure)
	case w.pass.ofItself():
		w.failures.Note("list events", nil)
		w.mu.Lock()
		w.succeeded = w.pass.FinishedAt
		w.mu.Unlock()
	}
	if c.Missing > 0 || c.Refused > 0 || !w.pass.ofItself() {
		w.log.Info("the events of a webhook were compared with its vendor's list", "webhook", w.Name, "pass", w.pass.ID, "status", w.pass.Status,
			"since", w.pass.Since, "until", w.pass.Until, "dryRun", w.pass.DryRun,
			"listed", c.Listed, "missing", c.Missing, "taken", c.Taken, "refused", c.Refused, "unknown", c.Unknown, "errors", c.Errors)
	}
}

// errorOf is a failure as it is kept and shown.
func errorOf(err error) *sdk.Error {
	if failed, ok := errors.AsType[*sdk.Error](err); ok {
		return &sdk.Error{Code: failed.Code, Message: failed.Message, Retryable: failed.Retryable, RetryAfter: failed.RetryAfter}
	}
	if errors.Is(err, errCircle) {
		return &sdk.Error{Code: sdk.CodeUpstream, Message: err.Error(), Retryable: true}
	}
	return &sdk.Error{Code: sdk.CodeInternal, Message: err.Error()}
}

// retry does what needs the store until it is done or can never be done.
func (w *worker) retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if errors.Is(err, state.ErrUnavailable) || errors.Is(err, ErrBusy) {
			w.outage.Note("write down how far a pass is", err)
			if err := backoff.Sleep(ctx, retryPause); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			w.outage.Note("write down how far a pass is", nil)
		}
		return err
	}
}
