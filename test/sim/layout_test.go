package sim

import (
	"os"
	"strings"
	"sync"

	"github.com/backflow/backflow/core/state"
)

// storedNames are the names of core/state/layout, as "bucket NAME", "set NAME" and
// "queue NAME".
var storedNames = sync.OnceValue(func() map[string]bool {
	list, err := os.ReadFile("../../core/state/layout/testdata/names.txt")
	if err != nil {
		panic(err)
	}
	names := map[string]bool{}
	for name := range strings.Lines(string(list)) {
		names[strings.TrimSpace(name)] = true
	}
	return names
})

// checkNames: what is stored has a name of core/state/layout, and journals are of
// runs.
func (m *model) checkNames(ops []state.Op) {
	for _, op := range ops {
		kind := "bucket"
		switch op.Kind {
		case state.KindAppend, state.KindDropJournal:
			if m.runs[op.ID] == nil {
				m.sim.violatedLocked("what is stored is in the list of the layout", "the journal %s is not a run's", op.ID)
			}
			continue
		case state.KindAdd, state.KindRemove:
			kind = "set"
		case state.KindSetTimer, state.KindClearTimer, state.KindRequireDue:
			kind = "queue"
		}
		name, _, _ := strings.Cut(op.Space, "/")
		if !storedNames()[kind+" "+name] {
			m.sim.violatedLocked("what is stored is in the list of the layout", "the %s %s is not", kind, op.Space)
		}
	}
}
