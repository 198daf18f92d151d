package workflow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// Roots that templates and conditions see, by what the definition is for.
// Those inside of a foreach see "item" and "index" too.
var (
	// InputRoots are those of a workflow that is started with an input.
	InputRoots = []string{"input", "steps", "run"}
	// EventRoots are those of the actions of a webhook.
	EventRoots = []string{"payload", "event", "headers", "query", "steps", "run"}
)

// Bounds of a definition.
const (
	// MaxSteps is the most steps that a definition may have, inner ones included.
	MaxSteps = 1000
	// MaxDepth is how deep steps may stand in steps.
	MaxDepth = 16
)

var idPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// Parse reads and checks a definition. The error is template.Faults with
// everything that is wrong, each fault with its JSON Pointer into raw. Beside
// faults it returns the definition as far as it could be read, nil if it could
// not be read at all. Such a definition must not run, but what it names can be
// checked too, so that all faults are reported at once. A step of it may lack
// anything, and has nil Params if its templates do not compile.
//
// Whether integrations, actions and other workflows exist is not checked here:
// that is known only where the whole config is.
func Parse(raw []byte, roots []string) (*Definition, error) {
	p := newParser(roots)
	d := p.definition(raw)
	if len(p.faults) > 0 {
		return d, p.faults
	}
	return d, nil
}

// Actions are what an event runs.
type Actions struct {
	// Steps is the list of them, as JSON.
	Steps []byte
	// Filter is the condition under which the event was to run at all, empty for none.
	// Whether it holds was decided before the run was made. A run for which that cannot
	// be told fails with the reason before anything is begun, however often it is retried.
	Filter string
	// Fetch is what the first step calls; nil has none.
	Fetch *Fetch
}

// ParseActions is Parse for the actions of a webhook. Pointers of faults lead into the
// list of steps, but for those of the filter, which are below "/filter".
func ParseActions(id string, actions Actions, roots []string) (*Definition, error) {
	p := newParser(roots)
	list, ok := p.parse(actions.Steps).([]any)
	if !ok {
		p.fault("", "", "must be a list of actions")
		return nil, p.faults
	}
	d := &Definition{ID: id}
	if actions.Fetch != nil {
		first := p.fetchStep(*actions.Fetch)
		d.Steps = p.block(list, "", false)
		d.fetchFirst(first)
	} else {
		d.Steps = p.block(list, "", false)
	}
	raw := append([]byte(`{"id":`), value.AppendString(nil, id)...)
	if actions.Filter != "" {
		d.Filter = p.conditionOf(map[string]any{"filter": actions.Filter}, "", "filter")
		raw = value.AppendString(append(raw, `,"filter":`...), actions.Filter)
	}
	if actions.Fetch != nil {
		raw = actions.Fetch.append(raw)
	}
	p.finish(d, fmt.Appendf(raw, `,"steps":%s}`, actions.Steps))
	if len(p.faults) > 0 {
		return d, p.faults
	}
	return d, nil
}

// Reparse reads a definition that was stored for its runs, with the defaults that
// held then.
func Reparse(raw []byte, roots []string, defaults Defaults) (*Definition, error) {
	p := newParser(roots)
	p.stored, p.defaults = true, defaults
	d := p.definition(raw)
	if len(p.faults) > 0 {
		return nil, fmt.Errorf("workflow: a kept definition is not valid any more: %w", p.faults)
	}
	return d, nil
}

// Roots are the names that templates of the definition may start with.
func (d *Definition) Roots() []string { return d.roots }

// Step returns the step of that id.
func (d *Definition) Step(id string) (*Step, bool) {
	s, ok := d.byID[id]
	return s, ok
}

// Walk calls visit for each step, inner ones after that in which they stand.
func (d *Definition) Walk(visit func(*Step)) { d.Steps.walk(visit) }

func (b *Block) walk(visit func(*Step)) {
	if b == nil {
		return
	}
	for _, s := range b.Steps {
		visit(s)
		for _, inner := range s.Inner() {
			inner.walk(visit)
		}
	}
}

// Inner returns the lists of steps in a step, with those of onError and
// compensate.
func (s *Step) Inner() []*Block {
	var blocks []*Block
	add := func(b *Block) {
		if b != nil {
			blocks = append(blocks, b)
		}
	}
	for _, p := range s.behavior.parts(s) {
		add(p.steps)
	}
	add(s.Handler)
	add(s.Compensate)
	return blocks
}

type parser struct {
	kinds        map[Type]*kind
	roots        []string
	defaults     Defaults
	stored       bool // the definition was checked when it was stored
	faults       template.Faults
	byID         map[string]*Step
	isKey        map[string]bool // what any step or definition can have
	depth        int
	loops        int // foreach steps around
	compensating int // compensate lists around
	unique       int // numbers the steps without id
}

func newParser(roots []string) *parser {
	p := &parser{kinds: kinds, roots: roots, defaults: CurrentDefaults, byID: map[string]*Step{}, isKey: map[string]bool{"when": true}}
	for _, key := range slices.Concat(commonKeys, definitionKeys) {
		p.isKey[key] = true
	}
	for _, k := range kinds {
		for _, key := range k.keys {
			p.isKey[key] = true
		}
	}
	return p
}

// maxFaults is how many faults of a definition are looked for.
const maxFaults = 100

func (p *parser) fault(pointer, hint, format string, args ...any) {
	if len(p.faults) >= maxFaults {
		return
	}
	p.faults = append(p.faults, template.Fault{Pointer: pointer, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *parser) parse(raw []byte) any {
	v, err := value.Parse(raw)
	if err != nil {
		p.fault("", "", "%v", err)
	}
	return v
}

// storedKeys are the keys that the actions of a webhook have beside, as they are stored.
var storedKeys = []string{"filter", "fetch"}

// definitionKeys are the keys that a workflow can have.
var definitionKeys = []string{"id", "name", "input", "steps", "output", "timeout", "concurrency", "onUnknown"}

func (p *parser) definition(raw []byte) *Definition {
	members, ok := p.parse(raw).(map[string]any)
	if !ok {
		p.fault("", "", "must be an object with id and steps")
		return nil
	}
	known := definitionKeys
	if p.stored {
		known = slices.Concat(known, storedKeys)
	}
	p.checkKeys(members, "", known)
	d := &Definition{}
	d.ID = p.text(members, "", "id", true)
	if d.ID != "" && !p.stored && !idPattern.MatchString(d.ID) {
		p.fault("/id", "letters, digits, _ and -, starting with a letter", "%q is not a workflow id", d.ID)
	}
	d.Name = p.text(members, "", "name", false)
	d.Input, d.InputSchema = p.schema(members, "input")
	var first *Step
	if _, given := members["fetch"]; given && p.stored {
		first = p.storedFetch(members)
	}
	d.Steps = p.blockOf(members, "", "steps", true, false)
	if first != nil {
		d.fetchFirst(first)
	}
	if output, given := members["output"]; given {
		d.Output = p.template(output, "/output")
	}
	d.Timeout = p.duration(members, "", "timeout")
	if concurrency, given := members["concurrency"]; given {
		d.Concurrency = p.concurrency(concurrency, "/concurrency")
	}
	if _, given := members["filter"]; given && p.stored {
		d.Filter = p.conditionOf(members, "", "filter")
	}
	switch onUnknown := p.text(members, "", "onUnknown", false); onUnknown {
	case "":
	case compensateName:
		d.UndoUnknown = true
	default:
		p.fault("/onUnknown", `"compensate", or leave it out`, "onUnknown cannot be %q", onUnknown)
	}
	p.finish(d, raw)
	return d
}

func (p *parser) finish(d *Definition, raw []byte) {
	if len(p.faults) == 0 {
		p.checkRefs(d)
	}
	if len(p.faults) > 0 {
		return
	}
	d.Raw, d.Hash, d.Defaults, d.roots, d.byID = json.RawMessage(raw), hashOf(raw, p.defaults), p.defaults, p.roots, p.byID
}

// hashOf identifies a definition by its content and what holds where it says
// nothing.
func hashOf(raw []byte, defaults Defaults) string {
	h := sha256.New()
	h.Write(raw)
	if defaults > FirstDefaults {
		fmt.Fprintf(h, "\x00defaults %d", defaults)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// blockOf reads the list of steps that is a member of an object.
func (p *parser) blockOf(members map[string]any, at, key string, required, parallel bool) *Block {
	switch list := members[key].(type) {
	case []any:
		return p.block(list, at+"/"+key, parallel)
	case nil:
		if _, given := members[key]; given {
			p.fault(at+"/"+key, "", "%s must be a list of steps, not null", key)
		} else if required && !p.misspelt(members, key) {
			p.fault(at, `give "`+key+`": a list of steps`, "%s is missing", key)
		}
	default:
		p.fault(at+"/"+key, "", "%s must be a list of steps, not %s", key, value.KindOf(list))
	}
	return nil
}

// block parses a list of steps. A step without id is called "step-" and its
// number, in the order of the file.
func (p *parser) block(list []any, pointer string, parallel bool) *Block {
	b := &Block{Parallel: parallel}
	if p.depth++; p.depth > MaxDepth {
		p.fault(pointer, "", "steps stand more than %d deep in steps", MaxDepth)
		return b
	}
	defer func() { p.depth-- }()
	for i, item := range list {
		at := fmt.Sprintf("%s/%d", pointer, i)
		members, ok := item.(map[string]any)
		if !ok {
			p.fault(at, "", "a step must be an object, not %s", value.KindOf(item))
			continue
		}
		p.unique++
		if p.unique > MaxSteps {
			p.fault(pointer, "", "a workflow may have %d steps at most", MaxSteps)
			return b
		}
		b.Steps = append(b.Steps, p.step(members, at, fmt.Sprintf("step-%d", p.unique)))
	}
	p.dependencies(b, list, pointer)
	return b
}

// dependencies turns the ids that steps of a block depend on into positions.
func (p *parser) dependencies(b *Block, list []any, pointer string) {
	if len(b.Steps) != len(list) {
		return // some were not steps
	}
	positions := make(map[string]int, len(b.Steps))
	for i, s := range b.Steps {
		positions[s.ID] = i
	}
	for i, s := range b.Steps {
		at := fmt.Sprintf("%s/%d/dependsOn", pointer, i)
		for j, id := range p.texts(list[i].(map[string]any), fmt.Sprintf("%s/%d", pointer, i), "dependsOn") {
			position, known := positions[id]
			switch {
			case !known:
				p.fault(fmt.Sprintf("%s/%d", at, j), suggest.Hint(id, sortedNames(positions)), "there is no step %q in this list", id)
			case position == i:
				p.fault(fmt.Sprintf("%s/%d", at, j), "", "step %q depends on itself", id)
			default:
				s.Deps = append(s.Deps, position)
			}
		}
	}
	if cycle := b.cycle(); cycle != nil {
		p.fault(pointer, "", "the steps %q depend on each other in a circle", cycle)
	}
}

// WaitsFor returns the positions of the steps that a step of the block waits for.
func (b *Block) WaitsFor(i int) []int {
	switch {
	case b.Steps[i].HasDeps:
		return b.Steps[i].Deps
	case b.Parallel || i == 0:
		return nil
	default:
		return []int{i - 1}
	}
}

// cycle returns the ids of steps that can never run, since they wait for each
// other; nil if all can.
func (b *Block) cycle() []string {
	left := make([]int, 0, len(b.Steps))
	for i := range b.Steps {
		left = append(left, i)
	}
	for {
		n := len(left)
		left = slices.DeleteFunc(left, func(i int) bool {
			return !slices.ContainsFunc(b.WaitsFor(i), func(dep int) bool { return slices.Contains(left, dep) })
		})
		if len(left) == 0 {
			return nil
		}
		if len(left) == n {
			ids := make([]string, n)
			for i, position := range left {
				ids[i] = b.Steps[position].ID
			}
			return ids
		}
	}
}

// text reads a member that is a string; "" where it is absent or not a string.
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
		} else if required && !p.misspelt(members, key) {
			p.fault(at, "", "%s is missing", key)
		}
	default:
		p.fault(at+"/"+key, "", "%s must be a string, not %s", key, value.KindOf(v))
	}
	return ""
}

// texts reads a member that is a list of strings.
func (p *parser) texts(members map[string]any, at, key string) []string {
	v, given := members[key]
	if !given {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		p.fault(at+"/"+key, "", "%s must be a list of strings, not %s", key, value.KindOf(v))
		return nil
	}
	var texts []string
	for i, item := range list {
		s, ok := item.(string)
		if !ok || s == "" {
			p.fault(fmt.Sprintf("%s/%s/%d", at, key, i), "", "must be a string that is not empty")
			continue
		}
		texts = append(texts, s)
	}
	return texts
}

// maxDuration bounds durations that a definition gives: generous, and far from
// overflow.
const maxDuration = 365 * 24 * time.Hour

// duration reads a member that is a duration; 0 where it is absent.
func (p *parser) duration(members map[string]any, at, key string) time.Duration {
	v, given := members[key]
	if !given {
		return 0
	}
	s, _ := v.(string)
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxDuration {
		p.fault(at+"/"+key, `such as "500ms", "1m" or "24h"`, "%s must be a duration, more than 0 and at most %s", key, maxDuration)
		return 0
	}
	return d
}

// misspelt reports whether a key that is missing is there under a name that is like it,
// which is a fault already.
func (p *parser) misspelt(members map[string]any, key string) bool {
	return p.misspelling(members, key) != ""
}

// misspelling returns the name under which a key that is missing is there, "" for none.
func (p *parser) misspelling(members map[string]any, key string) string {
	for _, name := range sortedNames(members) {
		if !p.isKey[name] && suggest.Nearest(name, []string{key}) != "" {
			return name
		}
	}
	return ""
}

// checkKeys reports keys that do not exist.
func (p *parser) checkKeys(members map[string]any, at string, known []string) {
	for _, key := range sortedNames(members) {
		if !slices.Contains(known, key) {
			p.fault(pointer.Join(at, key), suggest.Hint(key, known), "unknown key %q", key)
		}
	}
}
