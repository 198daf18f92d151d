package plugin

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/manifest"
	"github.com/backflow/backflow/sdk/schema"
)

// Validate checks what a plugin publishes, so that everyone above can trust it.
// Name is the name that the plugin's file has, empty if it has none. All faults are
// returned at once.
func Validate(published *sdk.Manifest, name string) error {
	var misnamed error
	if name != "" && published.Name != name {
		misnamed = fmt.Errorf("the plugin calls itself %q, its file %q", published.Name, name)
	}
	return errors.Join(misnamed, manifest.Validate(published, func(raw []byte) error {
		_, err := schema.Compile(raw)
		return err
	}))
}
