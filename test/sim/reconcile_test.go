package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/sdk"
)

// actorReconcile draws what is about comparisons, apart from the numbers of the other
// actors.
const actorReconcile = 950

// sender is the vendor whose events the webhook receives. It lists what it has made.
type sender struct {
	sim   *simulation
	lists bool // events are compared

	mu     sync.Mutex
	random *rand.Rand
	made   []sentEvent // in their order
}

// sentEvent is an event of the vendor. A lost one is never sent.
type sentEvent struct {
	id   string
	at   time.Time
	body []byte
	lost bool
}

// drawReconcile has the events of the webhook compared with what the vendor lists, in
// some simulations. It needs clocks that are not far apart.
func (sim *simulation) drawReconcile(r *rand.Rand) {
	sim.sender = &sender{sim: sim, random: sim.random(actorReconcile + 1)}
	if sim.exactClocks && chance(r, 40) {
		sim.sender.lists = true
		sim.reconcile = object{"every": pick(r, "5s", "20s", "45s"), "lookback": "1h", "rate": pick(r, "1/s", "20/s")}
	}
}

// make makes an event, and says whether it is to be sent.
func (s *sender) make(r *rand.Rand, id string, body object) (sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := sentEvent{id: id, at: time.Now(), body: encode(body), lost: s.lists && chance(r, 40)}
	s.made = append(s.made, made)
	return !made.lost
}

// ListEvents implements sdk.EventLister: the youngest first, a few on a page, and with
// faults of all kinds as long as there are any.
func (p fakeProvider) ListEvents(ctx context.Context, request sdk.ListEventsRequest) (page sdk.EventPage, err error) {
	s := p.sender
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sim.faults.Load() {
		switch r := s.random; {
		case chance(r, 10):
			return page, &sdk.Error{Code: sdk.CodeUpstream, Message: "HTTP 500", Retryable: true}
		case chance(r, 10):
			return page, &sdk.Error{Code: sdk.CodeRateLimited, Message: "HTTP 429", Retryable: true, RetryAfter: between(r, 0, 10*time.Second)}
		case chance(r, 10):
			defer func() { page.Events = append(page.Events, page.Events...) }()
		}
	}
	from := len(s.made)
	if request.Cursor != "" {
		from, _ = strconv.Atoi(request.Cursor)
	}
	for i := from - 1; i >= 0; i-- {
		e := s.made[i]
		if e.at.Before(request.Since) || !request.Until.IsZero() && !e.at.Before(request.Until) {
			continue
		}
		if len(page.Events) == 4 {
			page.NextCursor = fmt.Sprint(i + 1)
			break
		}
		page.Events = append(page.Events, sdk.ListedEvent{
			WebhookEvent: sdk.WebhookEvent{ID: e.id, Type: "happened", Payload: json.RawMessage(e.body)}, CreatedAt: e.at,
		})
	}
	return page, ctx.Err()
}

// checkReconcile waits until every event that the vendor has made has its run, without
// faults, and takes the comparison out of the config.
func (sim *simulation) checkReconcile() {
	if sim.reconcile == nil {
		return
	}
	s := sim.sender
	for until := time.Now().Add(settleTime); ; time.Sleep(time.Second) {
		missing := ""
		sim.mu.Lock()
		for _, e := range s.made {
			if sim.model.runsOf("payload", e.id) == 0 {
				missing = e.id
			}
		}
		sim.mu.Unlock()
		if missing == "" {
			break
		}
		if time.Now().After(until) {
			sim.violated("each event of the vendor has a run", "%s has none", missing)
			return
		}
	}
	sim.checkTakenInOrder()
	sim.mu.Lock()
	sim.changeConfig(func() { sim.reconcile = nil })
	sim.mu.Unlock()
	for _, n := range sim.nodes {
		n.awaitRunning() // a process that starts from now on compares nothing
		for g := n.running(); g != nil && g.server.Reload(g.lifetime) != nil; g = n.running() {
			time.Sleep(time.Second)
		}
		n.awaitRunning()
	}
}

// checkTakenInOrder: of the lost events the oldest were taken in first, each is told from
// those that arrived, and none is called unknown.
func (sim *simulation) checkTakenInOrder() {
	s := sim.sender
	ids := make([]string, len(s.made))
	for i, e := range s.made {
		ids[i] = e.id
	}
	found, err := event.NewLog(sim.store).Find(context.Background(), "hook", ids)
	if err != nil {
		sim.violated("the store can be read", "%v", err)
		return
	}
	var last sentEvent
	var lastCame time.Time
	for i, e := range s.made {
		switch stored := found[i]; {
		case stored == nil:
			sim.violated("each event of the vendor has a run", "%s is not stored", e.id)
		case len(stored.Flags) > 0:
			sim.violated("no event of the vendor is called unknown", "%s has %v", e.id, slices.Clone(stored.Flags))
		case e.lost && stored.Source != event.SourceReconciled:
			sim.violated("an event that was never sent was found in the list", "%s has the source %q", e.id, stored.Source)
		case e.lost:
			if stored.ReceivedAt.Before(lastCame) && e.at.Truncate(time.Second).After(last.at) {
				sim.violated("the oldest missing event is taken in first", "%s of %s came before %s of %s", e.id, e.at, last.id, last.at)
			}
			last, lastCame = e, stored.ReceivedAt
			sim.count(&sim.tally.lost)
		}
	}
}
