package reconcile

import (
	"time"

	"github.com/backflow/backflow/core/notice"
)

// maxNoticed bounds the data of a notice, in bytes, so that it is kept.
const maxNoticed = 8 << 10

// noticed is what a notice says of a pass.
type noticed struct {
	Webhook string    `json:"webhook"`
	Pass    string    `json:"pass"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Counts
	// Events and UnknownEvents are the first ones.
	Events        []Found `json:"events"`
	UnknownEvents []Found `json:"unknownEvents"`
}

// notice returns the notice of what a pass has found; ok is false where that is nothing.
func (p *Pass) notice() (n notice.Notice, ok bool) {
	if p.DryRun || p.Counts.Missing == 0 && p.Counts.Unknown == 0 {
		return n, false
	}
	said := noticed{
		Webhook: p.Webhook, Pass: p.ID, Since: p.Since, Until: p.Until, Counts: p.Counts,
		Events: append([]Found{}, p.Events...), UnknownEvents: append([]Found{}, p.UnknownEvents...),
	}
	data := encode(said)
	for len(data) > maxNoticed {
		said.Events, said.UnknownEvents = said.Events[:len(said.Events)/2], said.UnknownEvents[:len(said.UnknownEvents)/2]
		data = encode(said)
	}
	return notice.Notice{Type: notice.TypeEventsMissing, Cause: p.Webhook, Data: data}, true
}
