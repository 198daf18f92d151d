package workflow

import "github.com/backflow/backflow/core/value"

// parallel is a step that runs a list of steps all at once. What that means for
// their order is said by Block.Parallel.
type parallel struct{ sequence }

var _ container = parallel{}

func parseParallel(p *parser, _ *Step, members map[string]any, at string) behavior {
	return parallel{sequence{body: p.blockOf(members, at, "steps", true, true)}}
}

// result is an object of the steps' results by id.
func (parallel) result(n *node) value.Doc {
	out := []byte{'{'}
	for i, inner := range n.blocks[0].nodes {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(value.AppendString(out, inner.Step.ID), ':')
		out = append(out, inner.resultOrNull().Raw()...)
	}
	return value.TrustedDoc(append(out, '}'))
}
