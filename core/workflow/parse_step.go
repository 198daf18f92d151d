package workflow

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

func (p *parser) step(members map[string]any, at, defaultID string) *Step {
	s := &Step{ID: defaultID, Pointer: at, members: members, Retry: p.defaults.retry(), OnError: OnErrorFail}
	if _, given := members["id"]; given {
		s.ID = p.text(members, at, "id", true)
		switch {
		case s.ID == handlerName || s.ID == compensateName:
			p.fault(at+"/id", "choose another", "%q means something else in a path", s.ID)
		case s.ID != "" && !idPattern.MatchString(s.ID):
			p.fault(at+"/id", "letters, digits, _ and -, starting with a letter", "%q is not a step id", s.ID)
		}
	}
	if _, taken := p.byID[s.ID]; taken {
		p.fault(at+"/id", "ids are unique within a workflow", "another step has the id %q", s.ID)
	}
	p.byID[s.ID] = s
	p.text(members, at, "name", false)
	known := p.stepType(s, members, at)
	k := p.kinds[s.Type]
	if known {
		p.checkKeys(members, at, slices.Concat(commonKeys, k.keys))
	}
	if _, given := members["condition"]; given {
		s.Condition = p.conditionOf(members, at, "condition")
	}
	s.Timeout = p.duration(members, at, "timeout")
	_, s.HasDeps = members["dependsOn"]
	p.onError(s, members, at)
	p.compensating++
	s.Compensate = p.blockOf(members, at, "compensate", false, false)
	p.compensating--
	if !known {
		s.behavior = integration{} // what its keys are for is not known
		return s
	}
	s.behavior = k.parse(p, s, members, at)
	return s
}

// stepType reads what the step is: one of the types, or the name of an
// integration. known is false after a fault that leaves open what it is.
func (p *parser) stepType(s *Step, members map[string]any, at string) (known bool) {
	name := p.text(members, at, "type", false)
	if _, given := members["type"]; !given && !p.stored {
		name, _ = members[p.misspelling(members, "type")].(string) // that it is misspelt is the one fault
	}
	if _, known := p.kinds[Type(name)]; known {
		s.Type = Type(name)
		return true
	}
	s.Type = TypeIntegration
	if name != "" && !p.stored && p.meansType(name, members) {
		near := suggest.Nearest(name, p.types())
		p.fault(at+"/type", suggest.Hint(name, p.types()), "%q is no type of step, and a step that calls an integration has an action", name)
		if near != "" {
			s.Type = Type(near)
		}
		return near != ""
	}
	if _, given := members["integration"]; !given {
		s.Integration = name
	}
	if name == "" && members["integration"] == nil {
		if !p.misspelt(members, "type") && !p.misspelt(members, "integration") {
			p.fault(at, `give "type", or "integration": a name`, "the step does not say what to do")
			_, action := members["action"]
			_, params := members["params"]
			return action || params // else what more would be missing of a call is no fault of its own
		}
	}
	if integration, ok := members["integration"].(string); ok && name != "" && integration != name {
		p.fault(at+"/integration", "give one of them", "type names the integration %q and integration another, %q", name, integration)
	}
	return true
}

// types lists the types of steps, sorted.
func (p *parser) types() []string {
	var names []string
	for t := range p.kinds {
		names = append(names, string(t))
	}
	slices.Sort(names)
	return names
}

// meansType reports whether a name that is no type was meant as one, and not as an
// integration: nothing is called, and the name is like one, or another key is one's.
func (p *parser) meansType(name string, members map[string]any) bool {
	for _, key := range []string{"action", "integration", "params"} {
		if _, given := members[key]; given {
			return false
		}
	}
	if suggest.Nearest(name, p.types()) != "" {
		return true
	}
	for _, k := range p.kinds {
		for _, key := range k.keys {
			if _, given := members[key]; given && key != "retry" {
				return true
			}
		}
	}
	return false
}

func (p *parser) onError(s *Step, members map[string]any, at string) {
	switch v := members["onError"].(type) {
	case string:
		switch OnError(v) {
		case OnErrorFail, OnErrorContinue:
			s.OnError = OnError(v)
		default:
			p.fault(at+"/onError", `"fail", "continue" or a list of steps`, "onError cannot be %q", v)
		}
	case []any:
		s.OnError, s.Handler = OnErrorSteps, p.block(v, at+"/onError", false)
	case nil:
		if _, given := members["onError"]; given {
			p.fault(at+"/onError", `"fail", "continue" or a list of steps`, "onError cannot be null")
		}
	default:
		p.fault(at+"/onError", `"fail", "continue" or a list of steps`, "onError cannot be %s", value.KindOf(v))
	}
}

// count reads an integer from 1 to most.
func (p *parser) count(v any, at string, most int) int {
	number, _ := v.(json.Number)
	n, err := strconv.Atoi(number.String())
	if err != nil || n < 1 || n > most {
		p.fault(at, "", "must be an integer from 1 to %d", most)
		return 1
	}
	return n
}

func (p *parser) concurrency(v any, at string) *Concurrency {
	members, ok := v.(map[string]any)
	if !ok {
		return &Concurrency{Limit: p.count(v, at, 1_000_000)}
	}
	p.checkKeys(members, at, []string{"key", "limit", "onFull"})
	c := &Concurrency{Key: p.optional(members, at, "key"), Limit: 1}
	if limit, given := members["limit"]; given {
		c.Limit = p.count(limit, at+"/limit", 1_000_000)
	} else {
		p.fault(at, "", "limit is missing")
	}
	switch onFull := p.text(members, at, "onFull", false); onFull {
	case "", "queue":
	case "drop":
		c.Drop = true
	default:
		p.fault(at+"/onFull", `"queue" or "drop"`, "onFull cannot be %q", onFull)
	}
	return c
}

// conditionOf compiles the condition that is a member of an object.
func (p *parser) conditionOf(members map[string]any, at, key string) *condition.Condition {
	source := p.text(members, at, key, true)
	if source == "" {
		return nil
	}
	c, err := condition.Compile(source, p.options())
	if err != nil {
		p.nested(at+"/"+key, err)
		return nil
	}
	return c
}

func (p *parser) required(members map[string]any, at, key string) *template.Template {
	if _, given := members[key]; !given && !p.misspelt(members, key) {
		p.fault(at, "", "%s is missing", key)
	}
	return p.optional(members, at, key)
}

func (p *parser) optional(members map[string]any, at, key string) *template.Template {
	v, given := members[key]
	if !given {
		return nil
	}
	return p.template(v, at+"/"+key)
}

func (p *parser) template(v any, at string) *template.Template {
	return p.templateWith(v, at, p.options())
}

func (p *parser) templateWith(v any, at string, opts template.Options) *template.Template {
	t, err := template.Compile(v, opts)
	if err != nil {
		p.nested(at, err)
		return nil
	}
	return t
}

// options are the roots that can be read where the parser is.
func (p *parser) options() template.Options {
	if p.loops == 0 {
		return template.Options{Roots: p.roots, Checked: p.stored}
	}
	return template.Options{Checked: p.stored, Roots: append(p.roots[:len(p.roots):len(p.roots)], "item", "index")}
}

// nested takes over the faults of a template or condition that stands at a
// pointer.
func (p *parser) nested(at string, err error) {
	faults, ok := err.(template.Faults) //nolint:errorlint // Compile documents this very type
	if !ok {
		p.fault(at, "", "%v", err)
		return
	}
	for _, f := range faults {
		f.Pointer = at + f.Pointer
		p.faults = append(p.faults, f)
	}
}
