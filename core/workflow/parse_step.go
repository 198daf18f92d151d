package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/value"
)

// Keys of all steps, and of those of each type.
var (
	commonKeys = []string{"id", "name", "type", "condition", "timeout", "onError", "compensate", "dependsOn"}
	typeKeys   = map[Type][]string{
		TypeIntegration:  {"integration", "action", "params", "retry"},
		TypeSequence:     {"steps"},
		TypeParallel:     {"steps"},
		TypeForeach:      {"items", "steps", "concurrency"},
		TypeSwitch:       {"cases", "default"},
		TypeWait:         {"duration", "until"},
		TypeWaitForEvent: {"event"},
		TypeWorkflow:     {"workflow", "input"},
		TypeSet:          {"values"},
		TypeFail:         {"message", "code"},
		TypeReturn:       {"output"},
	}
)

// StepTypes are the types of steps. An integration may not be named like one.
func StepTypes() []string {
	types := make([]string, 0, len(typeKeys))
	for t := range typeKeys {
		types = append(types, string(t))
	}
	slices.Sort(types)
	return types
}

func (p *parser) step(members map[string]any, at, defaultID string) *Step {
	s := &Step{ID: defaultID, Pointer: at, Retry: DefaultRetry, OnError: OnErrorFail}
	if _, given := members["id"]; given {
		s.ID = p.text(members, at, "id", true)
		switch {
		case s.ID == handlerName || s.ID == undoName:
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
	p.stepType(s, members, at)
	p.checkKeys(members, at, append(commonKeys[:len(commonKeys):len(commonKeys)], typeKeys[s.Type]...))
	if _, given := members["condition"]; given {
		s.Condition = p.conditionOf(members, at, "condition")
	}
	s.Timeout = p.duration(members, at, "timeout")
	_, s.HasDeps = members["dependsOn"]
	p.onError(s, members, at)
	p.undo++
	s.Compensate = p.blockOf(members, at, "compensate", false, false)
	p.undo--
	p.typed(s, members, at)
	return s
}

// stepType reads what the step is: one of the types, or the name of an
// integration.
func (p *parser) stepType(s *Step, members map[string]any, at string) {
	name := p.text(members, at, "type", false)
	if _, known := typeKeys[Type(name)]; known {
		s.Type = Type(name)
		return
	}
	s.Type = TypeIntegration
	if _, given := members["integration"]; !given {
		s.Integration = name
	}
	if name == "" && members["integration"] == nil {
		p.fault(at, `give "type", or "integration": a name`, "the step does not say what to do")
	}
	if integration, ok := members["integration"].(string); ok && name != "" && integration != name {
		p.fault(at+"/integration", "give one of them", "type names the integration %q and integration another, %q", name, integration)
	}
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

// typed reads what only steps of one type have.
func (p *parser) typed(s *Step, members map[string]any, at string) {
	switch s.Type {
	case TypeIntegration:
		p.call(s, members, at)
	case TypeSequence:
		s.Body = p.blockOf(members, at, "steps", true, false)
	case TypeParallel:
		s.Body = p.blockOf(members, at, "steps", true, true)
	case TypeForeach:
		p.foreach(s, members, at)
	case TypeSwitch:
		p.cases(s, members, at)
	case TypeWait:
		s.Duration, s.Until = p.optional(members, at, "duration"), p.optional(members, at, "until")
		if (s.Duration == nil) == (s.Until == nil) {
			p.fault(at, "", "wait needs either duration or until")
		}
	case TypeWaitForEvent:
		s.Event = p.required(members, at, "event")
		if p.undo > 0 && s.Timeout == 0 && !p.kept && members["timeout"] == nil {
			p.fault(at, `give it one, such as "timeout": "24h"`,
				"waitForEvent in compensate needs a timeout: a run that undoes its steps cannot be cancelled, and would wait for ever")
		}
	case TypeWorkflow:
		s.Workflow = p.text(members, at, "workflow", true)
		if s.Input = p.optional(members, at, "input"); s.Input == nil {
			s.Input = p.template(map[string]any{}, at+"/input")
		}
	case TypeSet:
		s.Values = p.required(members, at, "values")
		if _, ok := members["values"].(map[string]any); !ok && members["values"] != nil {
			p.fault(at+"/values", "", "values must be an object, not %s", value.KindOf(members["values"]))
		}
	case TypeFail:
		s.Message = p.required(members, at, "message")
		if s.Code = p.text(members, at, "code", false); s.Code == "" {
			s.Code = string(CodeFailed)
		}
	case TypeReturn:
		if p.undo > 0 {
			p.fault(at+"/type", "how the run ends is decided when steps are undone", "compensate cannot return")
		}
		s.Output = p.optional(members, at, "output")
	}
}

func (p *parser) call(s *Step, members map[string]any, at string) {
	if _, given := members["integration"]; given {
		s.Integration = p.text(members, at, "integration", true)
	} else if members["type"] == string(TypeIntegration) {
		p.fault(at, `give "integration": a name`, "integration is missing")
	}
	s.Action = p.text(members, at, "action", true)
	params, given := members["params"]
	if !given {
		params = map[string]any{}
	}
	if _, ok := params.(map[string]any); !ok {
		p.fault(at+"/params", "", "params must be an object, not %s", value.KindOf(params))
		return
	}
	s.Params, s.Source = p.template(params, at+"/params"), params
	if retry, given := members["retry"]; given {
		p.retry(&s.Retry, retry, at+"/retry")
	}
}

func (p *parser) foreach(s *Step, members map[string]any, at string) {
	s.Items = p.required(members, at, "items")
	p.loops++
	s.Body = p.blockOf(members, at, "steps", true, false)
	p.loops--
	if s.Body != nil && len(s.Body.Steps) == 0 {
		p.fault(at+"/steps", "", "foreach without steps does nothing")
	}
	s.Concurrency = 1
	if v, given := members["concurrency"]; given {
		s.Concurrency = p.count(v, at+"/concurrency", 1000)
	}
}

func (p *parser) cases(s *Step, members map[string]any, at string) {
	list, ok := members["cases"].([]any)
	if !ok || len(list) == 0 {
		p.fault(at, `give "cases": [{ "when": a condition, "steps": [] }]`, "switch needs cases")
	}
	for i, item := range list {
		at := fmt.Sprintf("%s/cases/%d", at, i)
		c, ok := item.(map[string]any)
		if !ok {
			p.fault(at, "", "a case must be an object, not %s", value.KindOf(item))
			continue
		}
		p.checkKeys(c, at, []string{"when", "steps"})
		s.Cases = append(s.Cases, Case{When: p.conditionOf(c, at, "when"), Steps: p.blockOf(c, at, "steps", true, false)})
	}
	s.Default = p.blockOf(members, at, "default", false, false)
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
	if _, given := members[key]; !given {
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
	t, err := template.Compile(v, p.options())
	if err != nil {
		p.nested(at, err)
		return nil
	}
	return t
}

// options are the roots that can be read where the parser is.
func (p *parser) options() template.Options {
	if p.loops == 0 {
		return template.Options{Roots: p.roots}
	}
	return template.Options{Roots: append(p.roots[:len(p.roots):len(p.roots)], "item", "index")}
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
