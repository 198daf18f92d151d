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
