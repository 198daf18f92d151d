package compile

import (
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk/schema"
)

// checkSchema looks for what cannot be meant in a schema that the config holds; place
// makes a fault of a pointer into it.
func (p *Plan) checkSchema(raw []byte, place func(pointer, message, hint string) config.Fault) {
	for _, f := range schema.Findings(raw) {
		if fault := place(f.Pointer, f.Message, f.Hint); f.Works {
			p.warn(fault)
		} else {
			p.fault(fault)
		}
	}
}
