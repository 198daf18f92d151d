package action

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// Descriptor is an action as its integration publishes it, with its schema
// compiled. It is immutable and safe for concurrent use.
type Descriptor struct {
	integration string
	spec        *sdk.ActionSpec
	params      *schema.Schema
	treatments  *sdk.Treatments
	types       map[string]textType
	siblings    siblings
}

// Spec is what the integration publishes of the action. It must not be changed.
func (d *Descriptor) Spec() *sdk.ActionSpec { return d.spec }

// For returns how a call with these params is treated. It reads the value of the
// params only where the action has variants.
func (d *Descriptor) For(params value.Doc) sdk.Treatment {
	return d.treatments.For(func(param string) (string, bool) {
		object, _ := params.Value().(map[string]any)
		text, ok := object[param].(string)
		return text, ok
	})
}

// Integration is the name of the integration.
func (d *Descriptor) Integration() string { return d.integration }

// Params is the place of the params in their schema.
func (d *Descriptor) Params() schema.Place { return d.params.Root() }

// Check holds params against the action's schema, and those of inner calls against the
// schemas of their actions. The error is *sdk.Error with CodeInvalidParams and every
// fault. No document is an error too.
func (d *Descriptor) Check(params value.Doc) error {
	if params.IsZero() {
		return refuse(sdk.CodeInvalidParams, "", "params: there are none")
	}
	if faults := d.faults(params.Value(), nil); len(faults) > 0 {
		return d.invalid(faults)
	}
	return nil
}

// summary names the first fault, and how many there are.
func summary(faults []sdk.Fault) string {
	text := faults[0].Message
	place := strings.TrimPrefix(faults[0].Pointer, "/")
	if place != "" && !strings.Contains(text, strconv.Quote(place)) {
		text = place + ": " + text
	}
	if more := len(faults) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Faults returns every place in which params, as value.Parse returns them, do
// not meet the schema, nor those of inner calls theirs. Of the values at the pointers for
// which open holds, which are still placeholders, only the names are checked.
func (d *Descriptor) Faults(params any, open func(pointer string) bool) []schema.Fault {
	return d.faults(params, open)
}
