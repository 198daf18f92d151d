package compile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
)

// place reads how the runs of a webhook's actions take turns, and sets it in their
// definition, which is nil where they could not be read at all.
func (p *Plan) place(i int, w *config.Webhook, d *workflow.Definition) {
	var ordered *workflow.Ordered
	var lane *workflow.Lane
	var err error
	if w.Ordered.Node != nil {
		ordered, err = workflow.ParseOrdered(w.Ordered.Raw, workflow.EventRoots)
		p.placementFaults(i, "ordered", err)
		if ordered != nil {
			p.checkEventPaths(i, "ordered", ordered.Key.Refs())
		}
	}
	if w.Lane.Node != nil {
		lane, err = workflow.ParseLane(w.Lane.Raw, workflow.EventRoots)
		p.placementFaults(i, "lane", err)
		if lane != nil && lane.Key != nil {
			p.checkEventPaths(i, "lane", lane.Key.Refs())
		}
	}
	if d != nil {
		d.Ordered, d.Lane = ordered, lane
	}
}

// placementFaults takes over the faults of an order or a lane, each with the key that
// it is about.
func (p *Plan) placementFaults(i int, key string, err error) {
	var faults template.Faults
	if !errors.As(err, &faults) {
		return
	}
	at := indexPointer("/webhooks", i) + "/" + key
	for _, f := range faults {
		what := fmt.Sprintf("webhooks[%d].%s%s", i, key, strings.ReplaceAll(f.Pointer, "/", "."))
		p.faultsAt(at, what, template.Faults{f})
	}
}
