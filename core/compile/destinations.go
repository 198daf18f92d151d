package compile

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
)

// compileDestinations makes the destinations, each with the workflow of its messages.
// One with faults is left out.
func (p *Plan) compileDestinations() {
	p.checkSenderName()
	p.Egress = egress.NewPolicy(p.Config.Egress.Allow...)
	known := make(map[config.Pos]bool, len(p.Faults))
	for _, f := range p.Faults {
		known[f.Pos] = true
	}
	for _, d := range p.Config.Destinations {
		if d.Name == "" || d.URL.IsZero() || len(d.Secrets)+len(d.Keys) == 0 {
			continue // a fault already, or not set where that is allowed
		}
		declared := destination.Definition{
			Name: d.Name, URL: d.URL.Reveal(), Shown: d.Shown, Types: d.Types, Timeout: d.Timeout, Headers: make(map[string]string, len(d.Headers)),
		}
		for _, secret := range d.Secrets {
			declared.Secrets = append(declared.Secrets, secret.Reveal())
		}
		for _, key := range d.Keys {
			declared.Keys = append(declared.Keys, key.Reveal())
		}
		for name, value := range d.Headers {
			declared.Headers[name] = value.Reveal()
		}
		var ordered *workflow.Ordered
		if d.Ordered.Node != nil {
			var err error
			if ordered, err = workflow.ParseOrdered(d.Ordered.Raw, destination.OrderRoots); err != nil {
				p.destinationFaults(d, "/ordered", err, known)
				continue
			}
			declared.Order = ordered.Key
		}
		made, err := destination.NewDestination(declared, p.Egress)
		if err != nil {
			p.destinationFaults(d, "", err, known)
			continue
		}
		for _, i := range made.Weak() {
			at := fmt.Sprintf("/secrets/%d", i)
			if len(d.Secrets) == 1 {
				at = "/secret"
			}
			p.warn(d.Fault(at, "Standard Webhooks has secrets of 24 to 64 bytes, and this one is not: some receivers refuse it", "openssl rand -base64 32 makes one, behind whsec_"))
		}
		steps, err := destination.Workflow(d.Name, destination.Turns{Ordered: ordered, Concurrency: d.Concurrency, Rate: d.Rate})
		if err != nil {
			p.fault(d.Fault("", err.Error(), ""))
			continue
		}
		p.Destinations = append(p.Destinations, made)
		p.deliveries = append(p.deliveries, steps)
	}
}

// checkSenderName reports integrations of the config that are named like the one which
// sends.
func (p *Plan) checkSenderName() {
	refuse := func(at config.Pos) {
		p.fault(config.Fault{Pos: at, Message: fmt.Sprintf("%q is an integration of the program itself", destination.Name), Hint: "choose another name"})
	}
	for _, plugin := range p.Config.Plugins {
		if plugin.Name == destination.Name {
			refuse(plugin.Pos)
		}
	}
	for _, c := range p.Config.CustomIntegrations {
		if c.Name == destination.Name {
			refuse(c.Pos)
		}
	}
	if c, given := p.Config.Credentials[destination.Name]; given {
		refuse(c.Pos)
	}
}

// destinationFaults takes over the faults of a destination, unless config has reported
// one at the same place.
func (p *Plan) destinationFaults(d config.Destination, at string, err error, known map[config.Pos]bool) {
	var faults template.Faults
	if !errors.As(err, &faults) {
		p.fault(d.Fault(at, err.Error(), ""))
		return
	}
	for _, f := range faults {
		if fault := d.Fault(at+f.Pointer, f.Message, f.Hint); !known[fault.Pos] {
			p.fault(fault)
		}
	}
}

// Workflows are the definitions that the engine runs: those of the config, and those of
// what the program does for it.
func (p *Plan) Workflows() []*workflow.Definition {
	all := make([]*workflow.Definition, 0, len(p.Definitions)+len(p.deliveries))
	for _, d := range p.Definitions {
		all = append(all, d.Definition)
	}
	return append(all, p.deliveries...)
}

// sender returns the integration that sends to the destinations of the config; none
// where it has none.
func (p *Plan) sender() []action.Integration {
	if len(p.Config.Destinations) == 0 {
		return nil
	}
	return []action.Integration{destination.NewIntegration(p.destinationNames())}
}

// destinationNames are the names of all destinations of the config.
func (p *Plan) destinationNames() []string {
	names := make([]string, len(p.Config.Destinations))
	for i, d := range p.Config.Destinations {
		names[i] = d.Name
	}
	return names
}
