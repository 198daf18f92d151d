package compile

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/value"
)

// UseCheck is what came of holding the config against what is there.
type UseCheck struct {
	// Checked are the integrations that were asked, in the order of their names.
	Checked []CheckedUses
	// Faults are what does not fit, in the order of the file.
	Faults config.Faults
}

// CheckedUses is how one integration was asked.
type CheckedUses struct {
	Integration string
	// Uses is how many calls of the config it was asked about.
	Uses int
	// Err says why it could not be asked, or could not tell; nil where it did.
	Err error
}

// CheckUses has each integration that the config names hold what the config makes of it
// against what is there, such as the tables of a database, if it can: each step of a
// workflow or a webhook that calls it, and its credentials. It is handed its credentials
// for it, to look only. DataDir is where plugins keep files; what they log, such as what
// the next start makes, goes to the logger. The error is that of a config
// with faults of its own.
func (p *Plan) CheckUses(ctx context.Context, launcher plugin.Launcher, dataDir string, logger *slog.Logger) (UseCheck, error) {
	catalog := p.publish(ctx, launcher)
	p.check(catalog)
	if err := p.Err(); err != nil {
		return UseCheck{}, err
	}
	var result UseCheck
	for _, spec := range p.Specs() {
		manifest := catalog.Manifest(spec.Name)
		if manifest == nil || !manifest.ChecksUses {
			continue
		}
		if faults := p.unsetFaults(spec.Name); len(faults) > 0 {
			result.Faults = append(result.Faults, faults...)
			continue
		}
		member := plugin.Member{Spec: spec, Config: sdk.Config{BaseDir: p.Config.BaseDir, DataDir: dataDir}}
		if c, given := p.Config.Credentials[spec.Name]; given {
			member.Config.Credentials = c.Reveal()
		}
		uses := p.uses(spec.Name)
		asked := make([]sdk.Use, len(uses))
		for i, u := range uses {
			asked[i] = u.Use
		}
		found, err := plugin.CheckUses(ctx, launcher, member, asked, logger)
		result.Checked = append(result.Checked, CheckedUses{Integration: spec.Name, Uses: len(uses), Err: err})
		for _, fault := range found {
			result.Faults = append(result.Faults, p.useFault(spec.Name, uses, fault))
		}
	}
	result.Faults.Sort()
	return result, nil
}

// unsetFaults returns faults for credentials of an integration that have no value.
func (p *Plan) unsetFaults(integration string) (faults config.Faults) {
	c := p.Config.Credentials[integration]
	for _, field := range c.Unset {
		faults = append(faults, c.Fault(field.Pointer, strings.Join(field.Names, ", ")+" is not set", ""))
	}
	return faults
}

// placedUse is a use with its place.
type placedUse struct {
	sdk.Use
	definition Definition
	// pointer is that of the params in the definition.
	pointer string
}

// uses returns the calls of an integration that the steps of workflows and of webhooks
// make.
func (p *Plan) uses(integration string) (uses []placedUse) {
	for _, d := range p.Definitions {
		d.Walk(func(step *workflow.Step) {
			if step.Integration != integration || step.Params == nil {
				return
			}
			var open []string
			for _, ref := range step.Params.Refs() {
				if !slices.Contains(open, ref.Pointer) {
					open = append(open, ref.Pointer)
				}
			}
			params, err := value.Marshal(settled(step.Source, "", open))
			if err != nil {
				return // it was read from the config
			}
			uses = append(uses, placedUse{sdk.Use{Action: step.Action, Params: params, Open: open}, d, step.Pointer + "/params"})
		})
	}
	return uses
}

// settled returns a template's source with what its placeholders stand for where they
// need no data, such as {{"{{"}}. What is open, and what is left for the integration,
// stays as it is written.
func settled(source any, at string, open []string) any {
	switch source := source.(type) {
	case map[string]any:
		made := make(map[string]any, len(source))
		for _, name := range slices.Sorted(maps.Keys(source)) {
			made[name] = settled(source[name], pointer.Join(at, name), open)
		}
		return made
	case []any:
		made := make([]any, len(source))
		for i, item := range source {
			made[i] = settled(item, pointer.Join(at, strconv.Itoa(i)), open)
		}
		return made
	case string:
		if !strings.Contains(source, "{{") || slices.Contains(open, at) {
			return source
		}
		t, err := template.Compile(source, template.Options{Results: true})
		if err != nil {
			return source
		}
		made, err := t.Render(template.Map{})
		if err != nil {
			return source
		}
		return made
	}
	return source
}

// useFault gives what does not fit its place.
func (p *Plan) useFault(integration string, uses []placedUse, fault sdk.UseFault) config.Fault {
	if fault.Use == sdk.OfCredentials {
		c, given := p.Config.Credentials[integration]
		if !given {
			return config.Fault{Pos: p.references[integration].Pos, Message: fmt.Sprintf("integration %q: %s", integration, fault.Message)}
		}
		return c.Fault(fault.Pointer, fault.Message, "")
	}
	u := uses[fault.Use]
	return u.definition.Source.Fault(u.pointer+fault.Pointer, integration+"."+u.Action+": "+fault.Message, "")
}
