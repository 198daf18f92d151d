package engine

import (
	"log/slog"
	"time"

	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
)

// base holds what the engine's services share.
type base struct {
	store  state.Store
	lease  Lease
	log    *slog.Logger
	outage *outage.Log // of the store
	now    func() time.Time
	// corrupt are the runs that could not be read.
	corrupt *corruptRuns
}

// noteCorrupt logs a run that cannot be read, now and then.
func (b *base) noteCorrupt(id string, err error) {
	if b.corrupt.note(id) {
		b.log.Error("a run cannot be read, it stands still", "run", id, "error", err)
	}
}

// outageOf returns the log of the store's outages. A store that has one shares it,
// so that the outage is logged once.
func outageOf(store state.Store, logger *slog.Logger) *outage.Log {
	messages := outage.Trouble("the state store")
	if shared, ok := store.(interface{ Outage() *outage.Log }); ok {
		return shared.Outage().Share(messages)
	}
	return outage.New(logger, messages)
}
