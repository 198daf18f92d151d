package workflow

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// node is one step of a run: a step of the definition at one place, such as the
// third iteration of a foreach.
type node struct {
	StepState
	block    *block
	position int // in the block

	blocks     []*block // opened in it: the body, the iterations, or the case taken
	items      []value.Doc
	ended      int    // of foreach: iterations before this one have all ended
	opened     int    // steps that were counted for its blocks
	handler    *block // of its onError, opened when it failed
	compensate *block // of its compensate, opened when the step is undone

	// early: it has ended, maybe before the steps that it comes after: it was taken over
	// from another run, or what an event is about is fetched anew.
	early bool

	awaited  bool           // its child was given up, and has not ended as far as is known
	touched  bool           // an event was about it
	deadline time.Time      // zero is no bound
	expired  bool           // its deadline has passed, what is in it is being ended
	tries    int            // attempts since it was last begun, for its retry policy
	cause    *Origin        // of its error; nil where it failed by itself
	shown    map[string]any // the step as templates see it, once that was asked for
}

// StepState is what is known of one step of a run.
type StepState struct {
	Step   *Step
	Path   string
	Status StepStatus
	// Attempts counts the calls that may have been sent.
	Attempts int
	// Attempt counts them since the step was last begun: the one that is under way,
	// or the last one. It is 0, and so is MaxAttempts, where the step calls nothing
	// or has ended.
	Attempt, MaxAttempts int
	StartedAt            time.Time // zero before
	FinishedAt           time.Time // zero until it ended
	// Result is zero before, where the step has none, and where Machine.Steps leaves
	// it out for its size. ResultBytes is its size, also then.
	Result      value.Doc
	ResultBytes int
	Error       *sdk.Error // of the last failed attempt
	Failure     *Failure   // Error with where it comes from
	RetryAt     time.Time  // when a waiting step goes on by itself; zero if it does not
	// Outcome is what is known of the effect after failed attempts with the present
	// key; empty before the first.
	Outcome sdk.Outcome
	// WaitingFor is empty unless the step waits, or the run for a decision about it.
	// WaitingUntil is when it stops to
	// wait whatever happens; zero if that is not said.
	WaitingFor   WaitingFor
	WaitingUntil time.Time
	// Event is the signal that a waiting step waits for, Child the run.
	Event string
	Child string

	reads      bool     // it succeeded by a call without effect, of an action whose calls may have one
	sensitive  []string // names of members of Result that nobody is shown
	secrets    []string // their texts, in what Machine.Steps lists
	params     value.Doc
	key        string
	generation int
	keyedAt    time.Time // when the key was sent for the first time, at the earliest
}

// block is a list of steps of a run that has been opened.
type block struct {
	definition *Block
	owner      *node // nil for the run's own steps
	prefix     string
	nodes      []*node
	item       value.Doc // of a foreach's iteration
	index      int
	open       int // the steps before this one have all ended well
}

func newBlock(definition *Block, owner *node, prefix string) *block {
	b := &block{definition: definition, owner: owner, prefix: prefix, nodes: make([]*node, len(definition.Steps))}
	for i, step := range definition.Steps {
		b.nodes[i] = &node{
			StepState: StepState{Step: step, Path: prefix + step.ID, Status: StepPending},
			block:     b, position: i,
		}
	}
	return b
}

// step returns the step of that id, nil if the block has none.
func (b *block) step(id string) *node {
	i := slices.IndexFunc(b.definition.Steps, func(s *Step) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return b.nodes[i]
}

// satisfied reports whether the steps after it can be run: it ended well, or its
// failure was handled.
func (n *node) satisfied() bool {
	switch n.Status {
	case StepSucceeded, StepSkipped, StepCompensated:
		return true
	case StepFailed:
		return n.Step.OnError == OnErrorContinue || (n.handler != nil && n.handler.done())
	default:
		return false
	}
}

// propagates reports whether the step's failure is also that of the block around
// it.
func (n *node) propagates() bool {
	if n.Status != StepFailed {
		return false
	}
	switch n.Step.OnError {
	case OnErrorContinue:
		return false
	case OnErrorSteps:
		return n.handler != nil && n.handler.failed() != nil
	default:
		return true
	}
}

// done reports whether all steps of the block have ended well.
func (b *block) done() bool {
	for b.open < len(b.nodes) && b.nodes[b.open].satisfied() {
		b.open++
	}
	return b.open == len(b.nodes)
}

// failed returns the first step whose failure is that of the block, nil if no
// step failed so.
func (b *block) failed() *node {
	for _, n := range b.nodes[b.open:] {
		if n.propagates() {
			if n.handler != nil {
				if inner := n.handler.failed(); inner != nil {
					return inner
				}
			}
			return n
		}
	}
	return nil
}

// ready reports whether a step's turn has come.
func (b *block) ready(n *node) bool {
	switch {
	case n.Step.HasDeps:
		for _, dep := range n.Step.Deps {
			if !b.passed(b.nodes[dep]) {
				return false
			}
		}
		return true
	case b.definition.Parallel || n.position == 0:
		return true
	default:
		return b.passed(b.nodes[n.position-1])
	}
}

// passed reports whether the steps after one can be run, as far as it is about that one.
// What has ended early may come after steps that are still to be run.
func (b *block) passed(n *node) bool {
	return n.satisfied() && (!n.early || b.ready(n))
}

// emitResult emits, in parts, what templates see of a step that ended well: its own
// result, or that of the steps in it; null of any other.
func (n *node) emitResult(emit func(part []byte)) {
	if n.Status != StepSucceeded && n.Status != StepCompensated {
		emit(null)
		return
	}
	if c, ok := n.Step.behavior.(container); ok {
		c.result(n, emit)
		return
	}
	if n.Result.IsZero() {
		emit(null)
		return
	}
	emit(n.Result.Raw())
}

// hasResult reports whether the step ended well and has a result.
func (n *node) hasResult() bool {
	if n.Status != StepSucceeded && n.Status != StepCompensated {
		return false
	}
	_, holds := n.Step.behavior.(container)
	return holds || !n.Result.IsZero()
}

// resultBytes is the size of the result, which is not made for it.
func (n *node) resultBytes() int {
	size := 0
	n.emitResult(func(part []byte) { size += len(part) })
	return size
}

// resultOrNull is the result, null where the step has none.
func (n *node) resultOrNull() value.Doc {
	if _, holds := n.Step.behavior.(container); !holds && n.hasResult() {
		return n.Result
	}
	whole := make([]byte, 0, n.resultBytes())
	n.emitResult(func(part []byte) { whole = append(whole, part...) })
	return value.TrustedDoc(whole)
}

// emitLast emits the result of a block: that of its last step.
func (b *block) emitLast(emit func(part []byte)) {
	if len(b.nodes) == 0 {
		emit(null)
		return
	}
	b.nodes[len(b.nodes)-1].emitResult(emit)
}

var null = []byte("null")

// Names, within a path, of the blocks that are not a step's body.
const (
	handlerName    = "onError"
	compensateName = "compensate"
)

// find returns the step at a path, and opens the iterations that lead to it; nil
// if no step can be there.
func (m *Machine) find(path string) *node {
	if n, ok := m.byPath[path]; ok {
		return n
	}
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return nil // the run's own steps are all known
	}
	parent, id := path[:dot], path[dot+1:]
	b := m.findBlock(parent)
	if b == nil {
		return nil
	}
	n := b.step(id)
	if n != nil {
		m.byPath[path] = n
	}
	return n
}

// findBlock returns the block whose steps have paths that begin with the one
// given and a dot.
func (m *Machine) findBlock(path string) *block {
	if owner, name, ok := cutLast(path, "."+handlerName); ok && name == "" {
		if n := m.find(owner); n != nil {
			return n.handler
		}
		return nil
	}
	if owner, name, ok := cutLast(path, "."+compensateName); ok && name == "" {
		if n := m.find(owner); n != nil {
			return n.compensate
		}
		return nil
	}
	if open := strings.LastIndexByte(path, '['); open >= 0 && strings.HasSuffix(path, "]") {
		n := m.find(path[:open])
		index, err := strconv.Atoi(path[open+1 : len(path)-1])
		if n == nil || err != nil {
			return nil
		}
		if each, ok := n.Step.behavior.(iterator); ok {
			return each.iteration(n, index)
		}
		return nil
	}
	n := m.find(path)
	if n == nil || len(n.blocks) == 0 {
		return nil
	}
	if _, ok := n.Step.behavior.(iterator); ok {
		return nil
	}
	return n.blocks[0]
}

// countOpened counts the steps in a step that has been entered.
func (n *node) countOpened() int {
	if each, ok := n.Step.behavior.(iterator); ok {
		return len(n.items) * len(each.steps().Steps)
	}
	count := 0
	for _, b := range n.blocks {
		count += len(b.nodes)
	}
	return count
}

// open makes the only block in a step.
func (n *node) open(steps *Block) { n.blocks = []*block{newBlock(steps, n, n.Path+".")} }

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
