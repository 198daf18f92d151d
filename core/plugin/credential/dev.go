package credential

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// CheckDev returns what of the config's entry under "credentials" may not be on a
// developer's machine, as the plugin says. The faults never repeat a value.
func CheckDev(manifest *sdk.Manifest, raw json.RawMessage) []sdk.Fault {
	var given map[string]json.RawMessage
	if json.Unmarshal(raw, &given) != nil {
		return nil // Check reports it
	}
	var faults []sdk.Fault
	for _, pattern := range manifest.NotInDev {
		var text string
		if json.Unmarshal(given[pattern.Field], &text) != nil || !pattern.Matches(text) {
			continue
		}
		fault := sdk.Fault{Pointer: pointer.Join("", pattern.Field), Message: "is " + strings.TrimSpace(pattern.Reason)}
		if !slices.Contains(faults, fault) {
			faults = append(faults, fault)
		}
	}
	return faults
}
