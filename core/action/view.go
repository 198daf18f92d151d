package action

import (
	"encoding/json"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// View is an action as it is shown to those who may call it, in JSON.
type View struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Path is where the action is called by its name; HTTP has the whole path too.
	Path        string           `json:"path"`
	HTTP        *sdk.HTTPBinding `json:"http,omitempty"`
	Writes      bool             `json:"writes"`
	Repeat      sdk.Repeat       `json:"repeat,omitempty"`
	KeyLifetime string           `json:"keyLifetime,omitempty"`
	Params      json.RawMessage  `json:"params"`
	Result      json.RawMessage  `json:"result,omitempty"`
	Sensitive   []string         `json:"sensitive,omitempty"`
	Examples    []sdk.Example    `json:"examples,omitempty"`
}

// ViewOf shows an action of an integration.
func ViewOf(integration string, spec *sdk.ActionSpec) View {
	root := "/integrations/" + integration
	view := View{
		Name: spec.Name, Description: spec.Description, Path: root + "/actions/" + spec.Name, Writes: spec.Writes,
		Params: spec.Params, Result: spec.Result, Sensitive: spec.Sensitive, Examples: spec.Examples,
	}
	if spec.HTTP != nil {
		view.HTTP = &sdk.HTTPBinding{Method: spec.HTTP.Method, Path: root + spec.HTTP.Path}
	}
	if spec.Writes {
		view.Repeat, view.KeyLifetime = spec.Repeat, keyLifetime(spec)
	}
	return view
}

// keyLifetime is empty where a key is honoured for ever.
func keyLifetime(spec *sdk.ActionSpec) string {
	if spec.KeyLifetime == 0 {
		return ""
	}
	return value.Duration(spec.KeyLifetime)
}
