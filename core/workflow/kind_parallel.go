package workflow

import "github.com/backflow/backflow/sdk/value"

// parallel is a step that runs a list of steps all at once. What that means for
// their order is said by Block.Parallel.
type parallel struct{ sequence }

var _ container = parallel{}

func parseParallel(p *parser, _ *Step, members map[string]any, at string) behavior {
	return parallel{sequence{body: p.blockOf(members, at, "steps", true, true)}}
}

// result is an object of the steps' results by id.
func (parallel) result(n *node, emit func([]byte)) {
	emit([]byte{'{'})
	for i, inner := range n.blocks[0].nodes {
		if i > 0 {
			emit([]byte{','})
		}
		emit(append(value.AppendString(nil, inner.Step.ID), ':'))
		inner.emitResult(emit)
	}
	emit([]byte{'}'})
}
