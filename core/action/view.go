package action

import (
	"encoding/json"
	"time"

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
	// Inner and Tables are as those of sdk.ActionSpec.
	Inner  string `json:"inner,omitempty"`
	Tables string `json:"tables,omitempty"`
	// ByName: a scope for all actions of the integration does not grant it.
	ByName      bool          `json:"byName,omitempty"`
	Permissions []string      `json:"permissions,omitempty"`
	Variants    []VariantView `json:"variants,omitempty"`
	Examples    []sdk.Example `json:"examples,omitempty"`
}

// VariantView is a variant of an action as it is shown.
type VariantView struct {
	Param       string     `json:"param"`
	Pattern     string     `json:"pattern"`
	Writes      bool       `json:"writes"`
	Repeat      sdk.Repeat `json:"repeat,omitempty"`
	KeyLifetime string     `json:"keyLifetime,omitempty"`
	Permissions []string   `json:"permissions,omitempty"`
}

// ViewOf shows an action of an integration.
func ViewOf(integration string, spec *sdk.ActionSpec) View {
	root := "/integrations/" + integration
	view := View{
		Name: spec.Name, Description: spec.Description, Path: root + "/actions/" + spec.Name, Writes: spec.Writes,
		Params: spec.Params, Result: spec.Result, Sensitive: spec.Sensitive, Examples: spec.Examples,
		Inner: spec.Inner, Tables: spec.Tables, ByName: spec.ByName, Permissions: spec.Permissions,
	}
	if spec.HTTP != nil {
		bound := *spec.HTTP
		bound.Path = root + bound.Path
		view.HTTP = &bound
	}
	view.Repeat, view.KeyLifetime = repeatView(spec.Writes, spec.Repeat, spec.KeyLifetime)
	for _, v := range spec.Variants {
		shown := VariantView{Param: v.Param, Pattern: v.Pattern, Writes: v.Writes, Permissions: v.Permissions}
		shown.Repeat, shown.KeyLifetime = repeatView(v.Writes, v.Repeat, v.KeyLifetime)
		view.Variants = append(view.Variants, shown)
	}
	return view
}

// repeatView is empty for what only reads; the lifetime is where a key is honoured for
// ever.
func repeatView(writes bool, repeat sdk.Repeat, lifetime time.Duration) (shown sdk.Repeat, keyLifetime string) {
	if !writes {
		return "", ""
	}
	if lifetime != 0 {
		keyLifetime = value.Duration(lifetime)
	}
	return repeat, keyLifetime
}
