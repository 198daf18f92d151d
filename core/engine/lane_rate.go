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

// takeRate returns the ops that count one more run of a lane, with their conditions. It
// returns none where the rate allows none at present, and after how long to look again.
func (b *base) takeRate(ctx context.Context, name string, rate workflow.Rate) (ops []state.Op, wait time.Duration, err error) {
	records := min(rate.Count, rateRecords)
	refs := make([]state.Ref, records)
	for i := range refs {
		refs[i] = state.Ref{Bucket: layout.BucketLaneStart, ID: name + "/" + strconv.Itoa(i)}
	}
	found, err := b.store.Get(ctx, refs...)
	if err != nil {
		return nil, 0, fmt.Errorf("engine: rate: %w", err)
	}
	now := b.now().UnixMilli()
	free, first := -1, int64(0)
	for i, data := range found {
		if data == nil {
			free = max(free, i)
			continue
		}
		r := parseRateRecord(data)
		share := rate.Count / records
		if i < rate.Count%records {
			share++
		}
		if r.count < share {
			next := fmt.Appendf(nil, "%d/%d", r.count+1, now)
			return []state.Op{state.RequireValue(layout.BucketLaneStart, refs[i].ID, data), state.Put(layout.BucketLaneStart, refs[i].ID, next, rate.Per)}, 0, nil
		}
		if first == 0 || r.at < first {
			first = r.at
		}
	}
	if free >= 0 {
		return []state.Op{state.Insert(layout.BucketLaneStart, refs[free].ID, fmt.Appendf(nil, "1/%d", now), rate.Per)}, 0, nil
	}
	wait = time.Duration(first-now)*time.Millisecond + rate.Per
	return nil, min(max(wait, shortestRateWait, rate.Per/1000), rate.Per), nil
}
