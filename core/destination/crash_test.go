package destination

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/internal/testkit"
)

// Days of attempts with receivers that fail in every way and processes that are killed
// at any moment, two at a time over one store: each message that was accepted is taken
// at least once, with the same id and bytes at every attempt, never again after that was
// recorded, and none is lost, also where the destination is disabled meanwhile.
func TestNoMessageIsLostWhateverCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(0, 7)), 15) })
}

func TestNoMessageIsLostWhateverCrashesForDays(t *testing.T) {
	testkit.Long(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, rand.New(rand.NewPCG(seed, 7)), 60) })
		})
	}
}

func simulate(t *testing.T, r *rand.Rand, steps int) {
	store := newStore()
	network := &receivers{}
	healthy := false
	intN := func(n int) int { // the receivers draw at the same time
		network.mu.Lock()
		defer network.mu.Unlock()
		return r.IntN(n)
	}
	network.respond = func(ctx context.Context, _ int, _ *receivedMessage) (*http.Response, error) {
		network.mu.Lock()
		draw, ok := r.IntN(10), healthy
		network.mu.Unlock()
		switch {
		case ok || draw < 3:
			return status(200), nil
		case draw < 6:
			return status(500), nil
		case draw == 6:
			return status(429, "Retry-After", "30"), nil
		case draw == 7:
			return nil, errors.New("connection reset by the test")
		case draw == 8:
			<-ctx.Done()
			return nil, ctx.Err()
		default:
			return status(302), nil
		}
	}
	number, processes := 0, []*process{}
	start := func() {
		number++
		processes = append(processes, open(t, store, fmt.Sprint("g", number), network, crm()))
	}
	start()
	start()
	accepted, recorded := map[string]bool{}, map[string]int{} // how many requests there were when an end was seen
	note := func() {
		counts := map[string]int{}
		for _, m := range network.requests() {
			counts[m.id]++
		}
		for _, m := range processes[0].messages(StatusDelivered) {
			if before, seen := recorded[m.ID]; seen && counts[m.ID] != before {
				t.Errorf("%s was sent again after it was delivered", m.ID)
			}
			recorded[m.ID] = counts[m.ID]
		}
	}
	for i := range steps {
		p := processes[intN(2)]
		switch intN(8) {
		case 0: // a process is killed, and another takes its place
			victim := intN(2)
			processes[victim].crash()
			processes = append(processes[:victim], processes[victim+1:]...)
			start()
		case 1:
			if err := p.Disable(t.Context(), "crm", "shop", "", engine.Once{}); err != nil {
				t.Fatal(err)
			}
		case 2, 3:
			if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
				t.Fatal(err)
			}
		default:
			for j := range 3 {
				key := fmt.Sprint("m", i, "/", j)
				made, err := p.call(ActionSend, key, `{"destination":"crm","type":"a","data":"`+key+`"}`)
				if err != nil {
					t.Fatal(err)
				}
				accepted[made["id"].(string)] = true
			}
		}
		time.Sleep(time.Duration(intN(2*3600)) * time.Second)
		note()
	}
	network.mu.Lock()
	healthy = true
	network.mu.Unlock()
	p := processes[0]
	for range 200 {
		for _, m := range p.messages(StatusFailed) {
			if err := p.Replay(t.Context(), "crm", m.ID, "shop", engine.Once{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		note()
		if len(recorded) == len(accepted) {
			break
		}
	}
	taken, bodies := map[string]bool{}, map[string]string{}
	for _, m := range network.requests() {
		if body, seen := bodies[m.id]; seen && body != m.body {
			t.Errorf("%s was sent with other bytes", m.id)
		}
		bodies[m.id] = m.body
		taken[m.id] = taken[m.id] || m.status == 200
		if !accepted[m.id] {
			t.Errorf("%s was sent and not accepted", m.id)
		}
	}
	for id := range accepted {
		if !taken[id] {
			t.Errorf("%s was not taken: %+v", id, p.message(id))
		}
	}
	if v := p.view(); !v.Enabled || v.Held != 0 {
		t.Errorf("in the end the destination is %+v", v)
	}
	for _, p := range processes {
		p.stop()
	}
}

// A destination that hangs holds no place of others: what goes to a thousand others is
// taken before it gives up its first attempt.
func TestADestinationThatHangsChangesNothingForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const others = 1000
		network := &receivers{}
		network.respond = func(ctx context.Context, _ int, m *receivedMessage) (*http.Response, error) {
			if m.host == "crm.example.com" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return status(200), nil
		}
		list := []Definition{crm()}
		for i := range others {
			d := crm()
			d.Name, d.URL = fmt.Sprint("d", i), fmt.Sprintf("https://d%d.example.com", i)
			list = append(list, d)
		}
		p := open(t, newStore(), "g1", network, list...)
		defer p.stop()
		for i := range 50 {
			p.send(fmt.Sprint("hangs ", i))
		}
		began := time.Now()
		made, err := p.call(ActionPublish, "k", `{"type":"a","data":1}`)
		if err != nil || len(made["messages"].([]any)) != others+1 {
			t.Fatalf("published %v, %v", made, err)
		}
		synctest.Wait()
		taken, hanging := 0, 0
		for _, m := range network.requests() {
			if m.host == "crm.example.com" {
				hanging++
			} else if m.status == 200 && m.at.Equal(began) {
				taken++
			}
		}
		if taken != others || hanging != DefaultConcurrency {
			t.Errorf("%d of %d are taken at once, and %d hang", taken, others, hanging)
		}
	})
}
