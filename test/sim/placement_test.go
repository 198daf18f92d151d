package sim

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// actorPlacement draws what is about turns, apart from the numbers of the other actors.
const actorPlacement = 900

// storeClock is how exact the store's clock is.
const storeClock = time.Millisecond

// placement is how the events of the webhook take turns: keys of its config.
type placement struct {
	ordered, lane any
	blockFor      time.Duration
}

// drawPlacement gives the webhook an order, a lane, both or none.
func (sim *simulation) drawPlacement(r *rand.Rand) {
	key := pick(r, "{{payload.n}}", "{{payload.n}}", "{{payload.missing}}")
	if chance(r, 45) {
		sim.placement.blockFor = pick(r, 3*time.Second, 20*time.Second, 90*time.Second)
		sim.placement.ordered = object{"key": key, "blockFor": sim.placement.blockFor.String()}
	}
	if chance(r, 45) {
		lane := object{"concurrency": 1 + r.IntN(2)}
		if chance(r, 50) {
			lane["key"] = key
		}
		if chance(r, 40) {
			lane["rate"] = pick(r, "1/s", "4/s", "12/m")
		}
		sim.placement.lane = lane
	}
}

// burst sends many events of a few keys where these take turns.
func (sim *simulation) burst(clients *sync.WaitGroup) {
	if sim.placement.ordered == nil && sim.placement.lane == nil {
		return
	}
	r := sim.random(actorPlacement + 1000)
	for n := range 4 + r.IntN(8) {
		own := rand.New(rand.NewPCG(r.Uint64(), uint64(n)))
		delay := between(r, 0, 6*time.Second)
		clients.Go(func() {
			time.Sleep(delay)
			sim.sendEvent(own, 100+n)
		})
	}
}

// lane is what the name of a lane says.
type lane struct {
	limit, count int
	per          time.Duration
}

func parseLane(group string) (l lane) {
	parts := strings.Split(group, "/")
	l.limit, _ = strconv.Atoi(parts[2])
	count, per, _ := strings.Cut(parts[3], "-")
	l.count, _ = strconv.Atoi(count)
	ms, _ := strconv.Atoi(per)
	l.per = time.Duration(ms) * time.Millisecond
	return l
}

// The turns of a run in its order, as they are stored.
const (
	hasTurn = "has"
	hadTurn = "had"
)

// worked reports whether the run counts in its lane: it is worked on, or about to be.
func (r *storedRecord) worked() bool {
	return !r.Held && (r.Lease != "" || r.Status == workflow.RunQueued)
}

// checkPlaces: it is the turn of one run of an order, the one that came first; no more
// runs of a lane are worked on than it allows, and no more begin in the time of its rate.
func (m *model) checkPlaces(touched []*modelRun, before map[*modelRun]storedRecord) {
	for _, run := range touched {
		was, is := before[run], run.record
		m.moved[is.Order], m.moved[is.Lane] = time.Now(), time.Now()
		if was.StartedAt.IsZero() && !is.StartedAt.IsZero() {
			run.began = time.Now()
		}
		if is.Order != "" && is.Turn == hasTurn && was.Turn != hasTurn {
			m.checkTurn(run, was.ID == "")
		}
		if is.Lane == "" {
			continue
		}
		l := parseLane(is.Lane)
		if is.worked() && l.limit > 0 {
			m.checkLane(run, l)
		}
		if l.count > 0 && was.Held && was.StartedAt.IsZero() && is.worked() {
			m.checkRate(run, l)
		}
	}
}

func (m *model) checkTurn(run *modelRun, isMade bool) {
	arrivedBefore := true
	for _, id := range m.order {
		other := m.runs[id]
		arrivedBefore = arrivedBefore && other != run
		if other == run || other.removed || other.record.Order != run.record.Order {
			continue
		}
		if other.record.Turn == hasTurn {
			m.sim.violatedLocked("runs of an order go one at a time", "%s and %s", other.name, run.name)
		}
		if !isMade && arrivedBefore && other.record.Turn == "" && !other.record.Status.Ended() && id < run.id {
			m.sim.violatedLocked("runs of an order go in the order of their arrival", "%s before %s", run.name, other.name)
		}
	}
}

func (m *model) checkLane(run *modelRun, l lane) {
	count := 0
	for _, other := range m.runs {
		if !other.removed && other.record.Lane == run.record.Lane && other.record.worked() {
			count++
		}
	}
	if count > l.limit {
		m.sim.violatedLocked("no more runs of a lane are worked on than it allows", "%d of %d, %s", count, l.limit, run.name)
	}
}

func (m *model) checkRate(run *modelRun, l lane) {
	now := time.Now()
	begun := append(m.begun[run.record.Lane], now)
	m.begun[run.record.Lane] = begun
	if len(begun) > l.count && now.Sub(begun[len(begun)-1-l.count]) < l.per-storeClock {
		m.sim.violatedLocked("no more runs of a lane begin than its rate allows", "%d within %s, %s", l.count+1, now.Sub(begun[len(begun)-1-l.count]), run.name)
	}
}

// checkCalled: a run is not worked on before its turn.
func (m *model) checkCalled(run *modelRun) {
	if run.record.Order != "" && run.record.Turn == "" {
		m.sim.violatedLocked("a run is not worked on before its turn", "%s", run.name)
	}
}

// checkParked: a run is parked once the next of its order has waited long enough, and
// not before.
func (m *model) checkParked(run *modelRun, e workflow.Event) {
	if e.Error == nil || e.Error.Code != workflow.CodeParked || !strings.Contains(e.Error.Message, "hold up others of its order") {
		return
	}
	m.sim.tally.parked++
	if waited := time.Since(run.began); run.began.IsZero() || waited < m.sim.placement.blockFor-storeClock {
		m.sim.violatedLocked("a run is not parked before its time", "%s after %s of %s", run.name, waited, m.sim.placement.blockFor)
	}
}

// checkPlaced: a run waits for its order or its lane only while these are taken.
func (m *model) checkPlaced(run *modelRun, stuck func(why string)) {
	if time.Since(m.moved[run.record.Order]) < tolerance || time.Since(m.moved[run.record.Lane]) < tolerance {
		return // something has just happened in its groups
	}
	if run.record.Order != "" && run.record.Turn == "" {
		holders := 0
		for _, other := range m.runs {
			if other.removed || other.record.Order != run.record.Order || other.record.Turn != hasTurn {
				continue
			}
			holders++
			if other.record.Status.Ended() && time.Since(other.began) > m.sim.placement.blockFor+tolerance {
				stuck("the run before it should be parked")
			}
		}
		if holders == 0 {
			stuck("it is nobody's turn in its order")
		}
		return
	}
	l := parseLane(run.record.Lane)
	worked := 0
	for _, other := range m.runs {
		if !other.removed && other.record.Lane == run.record.Lane && other.record.worked() {
			worked++
		}
	}
	begun := m.begun[run.record.Lane]
	// A gateway whose clock is wrong looks again too late, but looks.
	free := l.count == 0 || len(begun) < l.count || time.Since(begun[len(begun)-l.count]) > 2*l.per+tolerance
	if worked < l.limit && free {
		stuck("its lane has room")
	}
}

// checkPlaceSets: what is kept of orders and lanes is what the records say.
func (m *model) checkPlaceSets(want map[string][]string) {
	blocking := 0
	for _, id := range m.order {
		run := m.runs[id]
		for _, group := range []string{run.record.Order, run.record.Lane} {
			if group == "" {
				continue
			}
			for _, kind := range []string{layout.SetActive, layout.SetThrottled} {
				want[kind+"/"+group] = append([]string(nil), want[kind+"/"+group]...)
			}
			want[layout.SetBlocked+"/"+run.record.Workflow] = nil
		}
		if !run.removed && run.record.Turn == hasTurn {
			want[layout.SetActive+"/"+run.record.Order] = append(want[layout.SetActive+"/"+run.record.Order], id)
			blocking++
		}
	}
	due, next, err := m.sim.store.Due(context.Background(), layout.QueueGroup, 100)
	if err != nil || len(due) > 0 || next >= 0 {
		m.sim.violatedLocked("no group is left to be looked at", "%d are due, the next in %v", len(due), next)
	}
	due, next, err = m.sim.store.Due(context.Background(), layout.QueueBlock, 100)
	if err != nil || (len(due) > 0 || next >= 0) != (blocking > 0) {
		m.sim.violatedLocked("each run that others wait for has a timer, and no other", "%d are due, the next in %v, of %d runs", len(due), next, blocking)
	}
}

// The bugs that are planted into what holds runs to their turns and lanes.
var placementBugs = []bug{
	{"the turn in an order is free once its run has failed", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			if run, ok := writtenRun(ops, func(r *storedRecord) bool { return r.Status == workflow.RunFailed && r.Turn == hasTurn }); ok {
				ops = append(append([]state.Op{}, ops...), state.Remove(layout.SetActive+"/"+run.Order, run.ID),
					state.Put(layout.BucketGroupWakeup, run.Order, []byte("freed"), time.Hour), state.SetTimerAfter(layout.QueueGroup, run.Order, 0))
			}
			return next(ctx, ops...)
		}}
	}},
	{"a place that becomes free is told to nobody", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			if _, ok := writtenRun(ops, func(r *storedRecord) bool { return r.Status.Ended() }); !ok {
				return next(ctx, ops...)
			}
			var kept []state.Op
			for _, op := range ops {
				if op.Kind != state.KindSetTimer || op.Space != layout.QueueGroup {
					kept = append(kept, op)
				}
			}
			return next(ctx, kept...)
		}}
	}},
	{"a run that waits keeps its place in its lane", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			run, ok := writtenRun(ops, func(r *storedRecord) bool { return r.Lane != "" && r.Status == workflow.RunWaiting })
			if !ok {
				return next(ctx, ops...)
			}
			var kept []state.Op
			for _, op := range ops {
				if op.Kind != state.KindRemove || op.Space != layout.SetActive+"/"+run.Lane {
					kept = append(kept, op)
				}
			}
			return next(ctx, kept...)
		}}
	}},
	{"the time of a rate is forgotten too soon", func(*gateway) planted {
		return planted{commit: func(ctx context.Context, next commit, ops []state.Op) error {
			ops = append([]state.Op{}, ops...)
			for i := range ops {
				if ops[i].Space == layout.BucketLaneStart {
					ops[i].TTL /= 4
				}
			}
			return next(ctx, ops...)
		}}
	}},
}

// writtenRun returns the first record of a run among the ops that is as wanted.
func writtenRun(ops []state.Op, wanted func(*storedRecord) bool) (record storedRecord, ok bool) {
	for _, op := range ops {
		if op.Kind != state.KindPut || op.Space != layout.BucketRun {
			continue
		}
		record = storedRecord{}
		if json.Unmarshal(op.Value, &record) == nil && wanted(&record) {
			return record, true
		}
	}
	return storedRecord{}, false
}
