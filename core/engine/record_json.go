package engine

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// encode is json.Marshal of the record, at a fraction of its cost: a record is
// written twice for each run. It cannot fail: all fields are plain, and an error's
// Details were valid JSON when they came in.
func (r *runRecord) encode() []byte {
	b := make([]byte, 0, 512)
	b = strconv.AppendInt(append(b, `{"v":`...), int64(r.Version), 10)
	b = appendText(b, "id", r.ID)
	b = appendText(b, "workflow", r.Workflow)
	b = appendText(b, "definition", r.Definition)
	b = appendText(b, "status", string(r.Status))
	if r.Lease != "" {
		b = appendText(b, "lease", r.Lease)
	}
	if r.Throttled {
		b = append(b, `,"held":true`...)
	}
	if r.ConcurrencyKey != "" {
		b = appendText(b, "group", r.ConcurrencyKey)
	}
	if r.isPlaced() {
		b = r.appendPlacement(b)
	}
	if r.Recoveries != 0 {
		b = strconv.AppendInt(append(b, `,"pickups":`...), int64(r.Recoveries), 10)
	}
	if r.Revision != 0 {
		b = strconv.AppendInt(append(b, `,"turns":`...), int64(r.Revision), 10)
	}
	if r.Parent != nil {
		b = r.append(b, "parent", r.Parent)
	}
	if r.MiB != 0 {
		b = strconv.AppendInt(append(b, `,"mib":`...), int64(r.MiB), 10)
	}
	b = appendTime(b, "createdAt", r.CreatedAt)
	if !r.StartedAt.IsZero() {
		b = appendTime(b, "startedAt", r.StartedAt)
	}
	if !r.FinishedAt.IsZero() {
		b = appendTime(b, "finishedAt", r.FinishedAt)
	}
	if r.Error != nil {
		b = r.append(b, "error", r.Error)
	}
	if !r.Waiting.IsZero() {
		b = r.append(b, "waiting", r.Waiting)
	}
	if r.RequestID != "" {
		b = appendText(b, "requestId", r.RequestID)
	}
	b = r.StartedBy.append(b, "startedBy")
	b = r.RetriedBy.append(b, "retriedBy")
	if r.RerunOf != "" {
		b = appendText(b, "rerunOf", r.RerunOf)
	}
	if r.RerunAs != "" {
		b = appendText(b, "rerunAs", r.RerunAs)
	}
	return append(b, '}')
}

// appendPlacement appends what only a run with an order or a lane has.
func (r *runRecord) appendPlacement(b []byte) []byte {
	if r.Order != "" {
		b = appendText(b, "order", r.Order)
	}
	if r.Turn != turnAwaited {
		b = appendText(b, "turn", string(r.Turn))
	}
	if r.BlockFor != 0 {
		b = strconv.AppendInt(append(b, `,"blockFor":`...), int64(r.BlockFor), 10)
	}
	if r.Parking {
		b = append(b, `,"parking":true`...)
	}
	if r.Lane != "" {
		b = appendText(b, "lane", r.Lane)
	}
	if r.Due {
		b = append(b, `,"due":true`...)
	}
	return b
}

func appendName(b []byte, name string) []byte {
	b = append(append(b, ',', '"'), name...)
	return append(b, '"', ':')
}

func appendText(b []byte, name, text string) []byte {
	return value.AppendString(appendName(b, name), text)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(appendName(b, name), '"')
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

func (r *runRecord) append(b []byte, name string, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("engine: record of run %s: %v", r.ID, err))
	}
	return append(appendName(b, name), data...)
}
