package workflow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// MaxItems is the most iterations that a foreach may have.
const MaxItems = 10_000

// foreach is a step that runs a list of steps for each item of a list. Each
// iteration is a block of its own.
type foreach struct {
	items       *template.Template
	body        *Block
	concurrency int // iterations at once, at least 1
}

var _ iterator = (*foreach)(nil)

func parseForeach(p *parser, s *Step, members map[string]any, at string) behavior {
	f := &foreach{items: p.required(members, at, "items"), concurrency: 1}
	s.Source = members["items"]
	if f.items != nil && !p.stored {
		p.literalItems(s.Source, at)
	}
	p.loops++
	f.body = p.blockOf(members, at, "steps", true, false)
	p.loops--
	if f.body != nil && len(f.body.Steps) == 0 {
		p.fault(at+"/steps", "", "foreach without steps does nothing")
	}
	if v, given := members["concurrency"]; given {
		f.concurrency = p.count(v, at+"/concurrency", 1000)
	}
	return f
}

// literalItems finds items that are no list whatever the data are.
func (p *parser) literalItems(items any, at string) {
	switch items := items.(type) {
	case []any:
		if len(items) > MaxItems {
			p.fault(at+"/items", "", "%d items are more than the %d that there may be", len(items), MaxItems)
		}
	case string:
		if !strings.HasPrefix(items, "{{") || !strings.HasSuffix(items, "}}") {
			p.fault(at+"/items", itemsHint, "items must be a list, not a string")
		}
	default:
		p.fault(at+"/items", itemsHint, "items must be a list, not %s", value.KindOf(items))
	}
}

const itemsHint = `such as "{{input.items}}"`

func (f *foreach) parts(*Step) []part {
	return append(templatePart("items", f.items), blockPart("steps", f.body))
}

func (*foreach) begins() EventType { return EventEntered }

func (f *foreach) begin(at *scope, _ time.Time) (Event, string, error) {
	list, err := at.document(f.items)
	if err != nil {
		return Event{}, "items", err
	}
	items, ok := list.Elements()
	if !ok || string(list.Raw()) == "null" { // recorded items may be null: once that was an empty list
		return Event{}, "items", fmt.Errorf("must be a list, not %s", value.KindOf(list.Value()))
	}
	if len(items) > MaxItems {
		return Event{}, "items", fmt.Errorf("%d items are more than the %d that there may be", len(items), MaxItems)
	}
	return Event{Params: list}, "", nil
}

// enter opens no iteration yet: advance opens them as others end.
func (f *foreach) enter(n *node, event Event) error {
	items, ok := event.Params.Elements()
	if !ok {
		return errors.New("its items are not a list")
	}
	n.items = items
	return nil
}

// advance lets at most as many iterations be under way as may be at once. One
// that fails ends the others.
func (f *foreach) advance(m *Machine, n *node, now time.Time) (Event, bool) {
	for n.ended < len(n.blocks) && n.blocks[n.ended].done() {
		n.ended++
	}
	open := 0
	for _, b := range n.blocks[n.ended:] {
		if failed := b.failed(); failed != nil {
			if event, ok := m.cancelPendingInside(n, now); ok || m.inFlight(n) {
				return event, ok
			}
			return n.failedWith(failed, now), true
		}
		if !b.done() {
			open++
		}
	}
	for _, b := range n.blocks[n.ended:] {
		if event, ok := m.walk(b, now); ok {
			return event, true
		}
	}
	if n.ended == len(n.items) {
		return Event{Type: EventSucceeded, At: now, Path: n.Path}, true
	}
	if open < f.concurrency && len(n.blocks) < len(n.items) {
		return m.walk(f.iteration(n, len(n.blocks)), now)
	}
	return Event{}, false
}

func (f *foreach) iteration(n *node, index int) *block {
	if index < 0 || index >= len(n.items) {
		return nil
	}
	for i := len(n.blocks); i <= index; i++ {
		b := newBlock(f.body, n, n.Path+"["+strconv.Itoa(i)+"].")
		b.item, b.index = n.items[i], i
		n.blocks = append(n.blocks, b)
	}
	return n.blocks[index]
}

func (f *foreach) steps() *Block { return f.body }

// result is the list of the iterations' results.
func (f *foreach) result(n *node, emit func([]byte)) {
	emit([]byte{'['})
	for i, b := range n.blocks {
		if i > 0 {
			emit([]byte{','})
		}
		b.emitLast(emit)
	}
	emit([]byte{']'})
}

func (f *foreach) outline(*Step) Outline {
	o := Outline{Shape: ShapeGroup, Branches: []Branch{{Steps: f.body}}}
	if f.concurrency > 1 {
		o.Text = fmt.Sprintf("foreach, %d at once", f.concurrency)
	}
	return o
}
