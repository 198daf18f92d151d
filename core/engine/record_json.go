package engine

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/value"
)

// encode is json.Marshal of the head, at a fraction of its cost: a head is
// written twice for each run. It cannot fail: all fields are plain, and an error's
// Details were valid JSON when they came in.
func (h *runRecord) encode() []byte {
	b := make([]byte, 0, 512)
	b = strconv.AppendInt(append(b, `{"v":`...), int64(h.Version), 10)
	b = appendText(b, "id", h.ID)
	b = appendText(b, "workflow", h.Workflow)
	b = appendText(b, "definition", h.Definition)
	b = appendText(b, "status", string(h.Status))
	if h.Lease != "" {
		b = appendText(b, "lease", h.Lease)
	}
	if h.Throttled {
		b = append(b, `,"held":true`...)
	}
	if h.ConcurrencyKey != "" {
		b = appendText(b, "group", h.ConcurrencyKey)
	}
	if h.Recoveries != 0 {
		b = strconv.AppendInt(append(b, `,"pickups":`...), int64(h.Recoveries), 10)
	}
	if h.Revision != 0 {
		b = strconv.AppendInt(append(b, `,"turns":`...), int64(h.Revision), 10)
	}
	if h.Parent != nil {
		b = h.append(b, "parent", h.Parent)
	}
	b = appendTime(b, "createdAt", h.CreatedAt)
	if !h.StartedAt.IsZero() {
		b = appendTime(b, "startedAt", h.StartedAt)
	}
	if !h.FinishedAt.IsZero() {
		b = appendTime(b, "finishedAt", h.FinishedAt)
	}
	if h.Error != nil {
		b = h.append(b, "error", h.Error)
	}
	if h.RequestID != "" {
		b = appendText(b, "requestId", h.RequestID)
	}
	return append(b, '}')
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

func (h *runRecord) append(b []byte, name string, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("engine: head of run %s: %v", h.ID, err))
	}
	return append(appendName(b, name), data...)
}
