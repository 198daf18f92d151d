package plugin

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/schema"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/manifest"
)

// Validate checks what a plugin publishes, so that everyone above can trust it.
// Name is what the plugin's file is called, empty where that says no name. All
// faults are answered at once.
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
