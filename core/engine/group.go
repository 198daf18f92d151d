package engine

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// group is what the name of a group says of it. The names are WORKFLOW/LIMIT/KEY of a
// limit, WORKFLOW/order/KEY of an order, WORKFLOW/lane/LIMIT/RATE/KEY of a lane, where
// RATE is COUNT-MILLISECONDS, with a letter where it is of attempts. So what bounds a
// run stays as it was when the run was made.
type group struct {
	kind  groupKind
	limit int
	rate  workflow.Rate
	// rateOfAttempts is that of workflow.Lane.
	rateOfAttempts bool
}

type groupKind int

const (
	limitGroup groupKind = iota
	orderGroup
	laneGroup
)

// attemptsMark ends the rate of attempts in a group's name.
const attemptsMark = "a"

// laneOf is the name of the lane of a new run, empty where it has none.
func laneOf(definition *workflow.Definition, roots map[string]value.Doc) string {
	l := definition.Lane
	if l == nil {
		return ""
	}
	rate := fmt.Sprintf("%d-%d", l.Rate.Count, l.Rate.Per.Milliseconds())
	if l.RateOfAttempts {
		rate += attemptsMark
	}
	return fmt.Sprintf("%s/lane/%d/%s/%s", definition.ID, l.Concurrency, rate, keyHash(workflow.PlacementKey(l.Key, roots)))
}

// parseGroup reads the name of a group. Of one that it cannot read runs go one by one.
func parseGroup(name string) group {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) == 3 && parts[1] == "order":
		return group{kind: orderGroup, limit: 1}
	case len(parts) == 3:
		return group{kind: limitGroup, limit: atLeastOne(parts[1])}
	case len(parts) == 5 && parts[1] == "lane":
		g := group{kind: laneGroup, limit: math.MaxInt}
		if parts[2] != "0" {
			g.limit = atLeastOne(parts[2])
		}
		rate, ofAttempts := strings.CutSuffix(parts[3], attemptsMark)
		count, per, _ := strings.Cut(rate, "-")
		n, badCount := strconv.Atoi(count)
		ms, badTime := strconv.ParseInt(per, 10, 64)
		if badCount == nil && badTime == nil && n > 0 && ms > 0 {
			g.rate, g.rateOfAttempts = workflow.Rate{Count: n, Per: time.Duration(ms) * time.Millisecond}, ofAttempts
		}
		return g
	default:
		return group{limit: 1}
	}
}

func atLeastOne(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 1
	}
	return max(n, 1)
}

// counts reports whether the group's rate counts a run that is admitted.
func (g *group) counts(r *runRecord) bool {
	return !g.rate.IsZero() && (g.rateOfAttempts || r.StartedAt.IsZero())
}

// isUnbounded reports whether any number of runs may have a place in the group.
func (g *group) isUnbounded() bool { return g.limit == math.MaxInt }
