package sandbox

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
	"github.com/backflow/backflow/sdk/span"
)

// clockStatus is a test clock in the result of "status".
type clockStatus struct {
	ID      string    `json:"id"`
	Account string    `json:"account,omitempty"`
	Time    time.Time `json:"time"`
}

// status is the result of "status".
type status struct {
	URL     string           `json:"url"`
	Time    time.Time        `json:"time"`
	Ahead   string           `json:"ahead"`
	Clocks  []clockStatus    `json:"clocks"`
	Objects map[string]int64 `json:"objects"`
	Timers  int64            `json:"timers"`
	// Pending counts events on their way to webhooks.
	Pending  int64         `json:"pendingDeliveries"`
	Webhooks []string      `json:"webhooks"`
	Faults   []faultParams `json:"faults"`
}

// status tells what the sandbox holds.
func (s *Sandbox) status(ctx context.Context, _ noParams) (*status, error) {
	found := &status{URL: s.URL(), Clocks: []clockStatus{}, Webhooks: []string{}, Faults: s.faults.list()}
	for _, target := range s.options.Webhooks {
		found.Webhooks = append(found.Webhooks, target.Name)
	}
	_, err := s.change(ctx, "", nil, func(tx *store.Tx, _ *resource.Tx) error {
		ahead := offset(tx)
		found.Time, found.Ahead = s.clock.Now().Add(ahead).UTC().Truncate(time.Second), span.Format(ahead)
		for _, clock := range tx.All(resource.TestClock) {
			o, err := resource.Decode(clock.Data)
			if err != nil {
				return err
			}
			found.Clocks = append(found.Clocks, clockStatus{ID: clock.ID, Account: clock.Account, Time: time.Unix(o.Int("frozen_time"), 0).UTC()})
		}
		found.Objects, found.Timers, found.Pending = tx.Counts(), tx.Timers(), tx.Pending("")
		maps.DeleteFunc(found.Objects, func(kind string, _ int64) bool { return strings.HasPrefix(kind, resource.OwnKind) })
		return errUndo
	})
	if err != nil {
		return nil, failed(err)
	}
	return found, nil
}
