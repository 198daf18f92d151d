package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// The runs that have begun in a lane within the time of its rate are counted by records
// that expire after that time, by the store's clock: a log of a sliding window. One
// record stands for several runs where a rate allows many, and lasts from the last of
// them. So a time of that length never has more, whatever the processes' clocks say.
const (
	// rateRecords is how many records a lane has at most.
	rateRecords = 50
	// shortestRateWait is the shortest pause before a lane is looked at again for its
	// rate.
	shortestRateWait = 5 * time.Millisecond
)

// rateRecord is one of these records, as COUNT/TIME with the time in Unix milliseconds
// of the process that wrote it: from it follows when to look again, and nothing else.
type rateRecord struct {
	count int
	at    int64
}

func parseRateRecord(data []byte) rateRecord {
	count, at, _ := strings.Cut(string(data), "/")
	var r rateRecord
	r.count, _ = strconv.Atoi(count)
	r.at, _ = strconv.ParseInt(at, 10, 64)
	return r
}

// takeRate returns the ops that count up to so many more runs of a lane, with their
// conditions, and how many these are. Where the rate does not allow all of them at
// present, wait is after how long to look again.
func (b *base) takeRate(ctx context.Context, name string, rate workflow.Rate, runs int) (ops []state.Op, taken int, wait time.Duration, err error) {
	records := min(rate.Count, rateRecords)
	refs := make([]state.Ref, records)
	for i := range refs {
		refs[i] = state.Ref{Bucket: layout.BucketLaneStart, ID: name + "/" + strconv.Itoa(i)}
	}
	found, err := b.store.Get(ctx, refs...)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("engine: rate: %w", err)
	}
	now := b.now().UnixMilli()
	first := int64(0)
	for _, begun := range []bool{true, false} { // records with room come before new ones
		for i, data := range found {
			if (data != nil) != begun {
				continue
			}
			r := parseRateRecord(data)
			share := rate.Count / records
			if i < rate.Count%records {
				share++
			}
			if begun && (first == 0 || r.at < first) {
				first = r.at
			}
			n := min(share-r.count, runs-taken)
			if n <= 0 {
				continue
			}
			id, next := refs[i].ID, fmt.Appendf(nil, "%d/%d", r.count+n, now)
			if begun {
				ops = append(ops, state.RequireValue(layout.BucketLaneStart, id, data), state.Put(layout.BucketLaneStart, id, next, rate.Per))
			} else {
				ops = append(ops, state.Insert(layout.BucketLaneStart, id, next, rate.Per))
			}
			taken += n
		}
	}
	if taken < runs {
		wait = time.Duration(first-now)*time.Millisecond + rate.Per
		wait = min(max(wait, shortestRateWait, rate.Per/1000), rate.Per)
	}
	return ops, taken, wait, nil
}
