package resource

import (
	"fmt"

	"github.com/backflow/backflow/plugins/stripe/internal/random"
)

// NewID returns a new id of a type, with Stripe's prefix.
func (t *Tx) NewID(kind string) string {
	prefix, ok := t.env.Module.Prefixes[kind]
	if !ok {
		t.fail(fmt.Errorf("sandbox: ids of %q have no prefix", kind))
	}
	return prefix + "_" + random.Text(24)
}
