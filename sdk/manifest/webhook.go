package manifest

import (
	"fmt"
	"slices"

	"github.com/backflow/backflow/sdk"
)

// eventParam is the param of an action that fetches what an event is about.
const eventParam = "event"

// validateWebhook checks what is said of the vendor's webhooks.
func validateWebhook(manifest *sdk.Manifest) (faults []error) {
	webhook := manifest.Webhook
	for i, method := range webhook.Methods {
		if method != "GET" && method != "HEAD" || slices.Contains(webhook.Methods[:i], method) {
			faults = append(faults, fmt.Errorf("webhook: method %q: GET and HEAD may be served beside POST, each named once", method))
		}
	}
	if webhook.FetchAction == "" {
		return faults
	}
	i := slices.IndexFunc(manifest.Actions, func(a sdk.ActionSpec) bool { return a.Name == webhook.FetchAction })
	if i < 0 {
		return append(faults, fmt.Errorf("webhook: fetchAction: there is no action %q", webhook.FetchAction))
	}
	action := &manifest.Actions[i]
	if action.Writes {
		faults = append(faults, fmt.Errorf("webhook: fetchAction: %q writes, and fetching only reads", action.Name))
	}
	if declaredParams(action.Params)[eventParam] == nil {
		faults = append(faults, fmt.Errorf("webhook: fetchAction: the schema of the params of %q has no %q", action.Name, eventParam))
	}
	return faults
}
