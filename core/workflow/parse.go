package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/suggest"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/value"
)

// Roots that templates and conditions see, by what the definition is for.
var (
	// InputRoots are those of a workflow that is started with an input.
	InputRoots = []string{"input", "steps", "run"}
	// EventRoots are those of the actions of a webhook.
	EventRoots = []string{"payload", "event", "headers", "steps", "run"}
)

// MaxSteps is the most steps that a definition may have.
const MaxSteps = 1000

var idPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// Words of the contract that this version refuses by name, so that nobody
// takes them for misspelt or, worse, for obeyed.
var (
	laterKeys     = []string{"input", "output", "timeout", "concurrency"}
	laterStepKeys = []string{"timeout", "onError", "compensate", "dependsOn"}
	laterTypes    = []string{"sequence", "parallel", "foreach", "switch", "wait", "waitForEvent", "workflow", "set", "fail", "return"}
)

// Parse reads and checks a definition. The error is template.Faults with
// everything that is wrong, each fault with its JSON Pointer into raw. Beside
// faults the definition is answered as far as it could be read, nil if it could
// not be read at all: it must not run, but what it names can be checked too, so
// that everything is told at once. In it a step may lack anything, and has nil
// Params if its templates do not compile.
//
// Whether integrations and actions exist is not checked here: that is known
// only where plugins are.
func Parse(raw []byte, roots []string) (*Definition, error) {
	p := &parser{roots: roots}
	d := p.definition(raw)
	if len(p.faults) > 0 {
		return d, p.faults
	}
	return d, nil
}

// ParseActions is Parse for a list of steps, such as the actions of a webhook;
// raw is the list. Pointers of faults lead into the list.
func ParseActions(id string, raw []byte, roots []string) (*Definition, error) {
	p := &parser{roots: roots}
	list, ok := p.parse(raw).([]any)
	if !ok {
		p.fault("", "", "must be a list of actions")
		return nil, p.faults
	}
	d := &Definition{ID: id}
	p.steps(d, list, "")
	p.finish(d, fmt.Appendf(nil, `{"id":%s,"steps":%s}`, appendString(nil, id), raw))
	if len(p.faults) > 0 {
		return d, p.faults
	}
	return d, nil
}

// Reparse reads a definition that was kept for its runs.
func Reparse(raw []byte, roots []string) (*Definition, error) {
	p := &parser{roots: roots, kept: true}
	d := p.definition(raw)
	if len(p.faults) > 0 {
		return nil, fmt.Errorf("workflow: a kept definition is not valid any more: %w", p.faults)
	}
	return d, nil
}

// Roots are the names that templates of the definition may start with.
func (d *Definition) Roots() []string { return d.roots }

type parser struct {
	roots  []string
	kept   bool // the definition was checked when it was kept
	faults template.Faults
}

func (p *parser) fault(pointer, hint, format string, args ...any) {
	p.faults = append(p.faults, template.Fault{Pointer: pointer, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *parser) parse(raw []byte) any {
	v, err := value.Parse(raw)
	if err != nil {
		p.fault("", "", "%v", err)
	}
	return v
}

func (p *parser) definition(raw []byte) *Definition {
	members, ok := p.parse(raw).(map[string]any)
	if !ok {
		p.fault("", "", "must be an object with id and steps")
		return nil
	}
	p.checkKeys(members, "", []string{"id", "name", "steps"}, laterKeys)
	d := &Definition{}
	d.ID = p.text(members, "", "id", true)
	if d.ID != "" && !p.kept && !idPattern.MatchString(d.ID) {
		p.fault("/id", "letters, digits, _ and -, starting with a letter", "%q is not a workflow id", d.ID)
	}
	d.Name = p.text(members, "", "name", false)
	switch list := members["steps"].(type) {
	case []any:
		p.steps(d, list, "/steps")
	case nil:
		p.fault("", `give "steps": a list`, "steps is missing")
	default:
		p.fault("/steps", "", "steps must be a list, not %s", value.KindOf(list))
	}
	p.finish(d, raw)
	return d
}

func (p *parser) finish(d *Definition, raw []byte) {
	if len(p.faults) > 0 {
		return
	}
	sum := sha256.Sum256(raw)
	d.Raw, d.Hash, d.roots = json.RawMessage(raw), hex.EncodeToString(sum[:]), p.roots
}

// steps parses the steps of d, which stand in the list at pointer. A step
// without id is called "step-" and its place, counting from 1.
func (p *parser) steps(d *Definition, list []any, pointer string) {
	if len(list) > MaxSteps {
		p.fault(pointer, "", "%d steps are more than the %d that a workflow may have", len(list), MaxSteps)
		return
	}
	d.referenced = make(map[string]bool)
	places := make(map[string]int, len(list))
	for i, item := range list {
		if members, ok := item.(map[string]any); ok {
			if id, ok := members["id"].(string); ok {
				places[id] = i
			}
		}
	}
	seen := make(map[string]bool, len(list))
	for i, item := range list {
		at := fmt.Sprintf("%s/%d", pointer, i)
		members, ok := item.(map[string]any)
		if !ok {
			p.fault(at, "", "a step must be an object, not %s", value.KindOf(item))
			d.Steps = append(d.Steps, &Step{}) // so that those behind it keep their places
			continue
		}
		step := p.step(members, at, fmt.Sprintf("step-%d", i+1))
		if seen[step.ID] {
			p.fault(at+"/id", "ids are unique within a workflow", "another step has the id %q", step.ID)
		}
		p.checkRefs(d, step, members, at, i, places)
		seen[step.ID] = true
		d.Steps = append(d.Steps, step)
	}
}

func (p *parser) step(members map[string]any, at, defaultID string) *Step {
	p.checkKeys(members, at, []string{"id", "name", "type", "integration", "action", "condition", "params", "retry"}, laterStepKeys)
	s := &Step{ID: defaultID, Retry: DefaultRetry}
	if _, given := members["id"]; given {
		s.ID = p.text(members, at, "id", true)
		if s.ID != "" && !idPattern.MatchString(s.ID) {
			p.fault(at+"/id", "letters, digits, _ and -, starting with a letter", "%q is not a step id", s.ID)
		}
	}
	p.text(members, at, "name", false)
	p.target(s, members, at)
	p.condition(s, members, at)
	p.params(s, members, at)
	if retry, given := members["retry"]; given {
		p.retry(&s.Retry, retry, at+"/retry")
	}
	return s
}

// target reads what the step calls: "type": "integration" with "integration",
// or the integration's name as the type, which mean the same.
func (p *parser) target(s *Step, members map[string]any, at string) {
	stepType := p.text(members, at, "type", false)
	s.Integration = p.text(members, at, "integration", false)
	s.Action = p.text(members, at, "action", true)
	switch {
	case slices.Contains(laterTypes, stepType):
		p.fault(at+"/type", "", "step type %q is not supported by this version", stepType)
	case stepType == "" && s.Integration == "":
		p.fault(at, `give "type": "integration" and "integration": a name`, "the step does not say what to call")
	case stepType == "" || stepType == "integration":
		if s.Integration == "" {
			p.fault(at, `give "integration": a name`, "integration is missing")
		}
	case s.Integration == "":
		s.Integration = stepType
	case s.Integration != stepType:
		p.fault(at+"/integration", "give one of them", "type names the integration %q and integration another, %q", stepType, s.Integration)
	}
}

func (p *parser) condition(s *Step, members map[string]any, at string) {
	if _, given := members["condition"]; !given {
		return
	}
	source := p.text(members, at, "condition", true)
	if source == "" {
		return
	}
	c, err := condition.Compile(source, template.Options{Roots: p.roots})
	if err != nil {
		p.nested(at+"/condition", err)
		return
	}
	s.Condition = c
}

func (p *parser) params(s *Step, members map[string]any, at string) {
	params, given := members["params"]
	if !given {
		params = map[string]any{}
	}
	if _, ok := params.(map[string]any); !ok {
		p.fault(at+"/params", "", "params must be an object, not %s", value.KindOf(params))
		return
	}
	t, err := template.Compile(params, template.Options{Roots: p.roots})
	if err != nil {
		p.nested(at+"/params", err)
		return
	}
	s.Params, s.Source = t, params
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

// checkRefs makes sure that what the step reads of other steps can be there.
func (p *parser) checkRefs(d *Definition, s *Step, members map[string]any, at string, index int, places map[string]int) {
	check := func(at string, refs []template.Ref) {
		for _, ref := range refs {
			if ref.Root == "steps" {
				p.checkStepRef(d, ref, at+ref.Pointer, index, places)
			}
		}
	}
	if s.Condition != nil {
		check(at+"/condition", s.Condition.Refs())
	}
	if s.Params != nil {
		check(at+"/params", s.Params.Refs())
	}
}

func (p *parser) checkStepRef(d *Definition, ref template.Ref, pointer string, index int, places map[string]int) {
	fault := func(hint, format string, args ...any) {
		p.faults = append(p.faults, template.Fault{Pointer: pointer, Offset: ref.Offset, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	if len(ref.Path) == 0 || ref.Path[0].IsIndex {
		fault("write {{steps.ID.result…}}", "%s names no step", ref)
		return
	}
	id := ref.Path[0].Key
	place, known := places[id]
	switch {
	case !known:
		fault(suggest.Hint(id, sortedNames(places)), "there is no step %q", id)
	case place == index:
		fault("", "step %q reads its own result", id)
	case place > index:
		fault("move it up, or this step down", "step %q has not run yet when this step begins", id)
	case len(ref.Path) < 2 || ref.Path[1].Key != "result":
		fault("write {{steps."+id+".result…}}", "%s: a step has only a result", ref)
	default:
		d.referenced[id] = true
	}
}

// text reads a member that is a string; "" where it is absent or no string.
func (p *parser) text(members map[string]any, at, key string, required bool) string {
	switch v := members[key].(type) {
	case string:
		if v == "" {
			p.fault(at+"/"+key, "", "%s is empty", key)
		}
		return v
	case nil:
		if _, given := members[key]; given {
			p.fault(at+"/"+key, "", "%s must be a string, not null", key)
		} else if required {
			p.fault(at, "", "%s is missing", key)
		}
	default:
		p.fault(at+"/"+key, "", "%s must be a string, not %s", key, value.KindOf(v))
	}
	return ""
}

// checkKeys refuses keys that do not exist, and those of the contract that
// this version does not obey.
func (p *parser) checkKeys(members map[string]any, at string, known, later []string) {
	for _, key := range sortedNames(members) {
		switch {
		case slices.Contains(known, key):
		case slices.Contains(later, key):
			p.fault(at+"/"+key, "", "%q is not supported by this version", key)
		default:
			p.fault(at+"/"+key, suggest.Hint(key, known), "unknown key %q", key)
		}
	}
}
