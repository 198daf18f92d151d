package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/backflow/backflow/core/workflow"
)

// BenchmarkStartPlaced measures what receiving an event costs whose run has an order and
// a lane, beside one that has neither: the start alone, and the run to its end.
func BenchmarkStartPlaced(b *testing.B) {
	for _, placed := range []bool{false, true} {
		for _, wait := range []bool{false, true} {
			b.Run(fmt.Sprintf("placed=%v/wait=%v", placed, wait), func(b *testing.B) {
				e := openBench(b)
				if placed {
					d, err := workflow.Parse([]byte(threeSteps), workflow.InputRoots)
					if err == nil {
						d.Ordered, err = workflow.ParseOrdered([]byte(`"{{input.data}}"`), workflow.InputRoots)
					}
					if err == nil {
						d.Lane, err = workflow.ParseLane([]byte(`{"key":"{{input.data}}","concurrency":4}`), workflow.InputRoots)
					}
					if err == nil {
						err = e.SetDefinitions(context.Background(), []*workflow.Definition{d})
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				var n atomic.Int64
				measure(b, 16, func() error {
					run, err := e.Start(context.Background(), StartRequest{Workflow: "three", Roots: input(fmt.Sprintf(`{"data":"key-%d"}`, n.Add(1)))})
					if err == nil && wait {
						_, err = e.Wait(context.Background(), run.ID)
					}
					return err
				})
			})
		}
	}
}
