package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// openPlaced is open with an order and a lane for all workflows, each JSON or empty.
func openPlaced(t *testing.T, g *gateway, ordered, lane string, raw ...string) *gateway {
	t.Helper()
	var list []*workflow.Definition
	for _, r := range raw {
		d, err := workflow.Parse([]byte(r), workflow.InputRoots)
		if err == nil && ordered != "" {
			d.Ordered, err = workflow.ParseOrdered([]byte(ordered), workflow.InputRoots)
		}
		if err == nil && lane != "" {
			d.Lane, err = workflow.ParseLane([]byte(lane), workflow.InputRoots)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	if err := g.SetDefinitions(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return g
}

const oneCall = `{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe","params":{"n":"{{input.n}}","key":"{{input.key}}"},"retry":{"maxAttempts":1}}]}`

const byKey = `"{{input.key}}"`

// numbers returns the param n of each call that was seen, in order, of those with a key.
func numbers(v *fakeIntegration, key string) []int {
	var seen []int
	for _, call := range v.seen() {
		var p struct {
			N   int
			Key string
		}
		if json.Unmarshal(call.Params, &p) == nil && p.Key == key {
			seen = append(seen, p.N)
		}
	}
	return seen
}

func noMoney() error {
	return &sdk.Error{Code: sdk.CodeDeclined, Message: "no money", Final: true, Outcome: sdk.OutcomeNotExecuted}
}

// refusals are the numbers of runs whose calls are declined for now.
type refusals struct {
	mu   sync.Mutex
	runs map[int]bool
}

func (f *refusals) set(n int, fails bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs == nil {
		f.runs = map[int]bool{}
	}
	f.runs[n] = fails
}

func (f *refusals) do(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
	var p struct{ N int }
	_ = json.Unmarshal(call.Params, &p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs[p.N] {
		return sdk.Result{}, noMoney()
	}
	return sdk.Result{Body: []byte(`{}`)}, nil
}

func (g *gateway) startKeyed(n int, key string) string {
	g.t.Helper()
	return g.start("w", fmt.Sprintf(`{"n":%d,"key":%q}`, n, key)).ID
}

func TestRunsOfAKeyGoOneAtATimeInTheOrderOfTheirArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		under := map[string]int{}
		v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
			var p struct{ Key string }
			_ = json.Unmarshal(call.Params, &p)
			mu.Lock()
			if under[p.Key]++; under[p.Key] > 1 {
				t.Errorf("%d runs of %s at once", under[p.Key], p.Key)
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			under[p.Key]--
			mu.Unlock()
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		store := memory.New(memory.Options{})
		g1 := openPlaced(t, open(t, store, "g1", v, Options{}), byKey, "", oneCall)
		defer g1.stop()
		g2 := openPlaced(t, open(t, store, "g2", v, Options{}), byKey, "", oneCall)
		defer g2.stop()
		var ids []string
		for i := range 20 {
			time.Sleep(time.Millisecond)
			ids = append(ids, []*gateway{g1, g2}[i%2].startKeyed(i, fmt.Sprint(i%3)))
		}
		began := time.Now()
		if run, err := g1.Get(t.Context(), ids[19]); err != nil || run.Status != workflow.RunQueued || run.Waiting.For != workflow.WaitingForOrder {
			t.Errorf("one that waits is %s for %q (%v)", run.Status, run.Waiting.For, err)
		}
		for _, id := range ids {
			if run := g1.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s", run.Status)
			}
		}
		for key := range 3 {
			if seen := numbers(v, fmt.Sprint(key)); !slices.IsSorted(seen) || len(seen) < 6 {
				t.Errorf("the runs of %d went as %v", key, seen)
			}
		}
		if took := time.Since(began); took > 8*time.Second { // seven of one key
			t.Errorf("keys wait for each other: %s", took)
		}
		checkNoPlacesLeft(t, store, ids...)
	})
}

func TestAFailedRunKeepsTheNextOfItsKeyWaitingUntilItIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &refusals{}
		f.set(0, true)
		v := &fakeIntegration{do: f.do}
		store := memory.New(memory.Options{})
		g := openPlaced(t, open(t, store, "g1", v, Options{}), `{"key":"{{input.key}}","blockFor":"30m"}`, "", oneCall)
		defer g.stop()
		first, second, other := g.startKeyed(0, "a"), g.startKeyed(1, "a"), g.startKeyed(2, "b")
		if run := g.wait(first); run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeDeclined {
			t.Fatalf("first = %s, %+v", run.Status, run.Error)
		}
		if run := g.wait(other); run.Status != workflow.RunSucceeded {
			t.Errorf("one of another key is %s", run.Status)
		}
		time.Sleep(29 * time.Minute)
		if status := g.status(second); status != workflow.RunQueued {
			t.Fatalf("the next is %s before the time is over", status)
		}
		time.Sleep(time.Minute + 5*time.Second)
		if status := g.status(second); status != workflow.RunSucceeded {
			t.Errorf("the next is %s once the first is to be parked", status)
		}
		run, err := g.Get(t.Context(), first)
		if err != nil || run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeParked || run.Error.Step != "a" ||
			!strings.Contains(run.Error.Err.Message, "30m0s") || !strings.Contains(run.Error.Err.Message, "declined: no money") {
			t.Fatalf("first = %s, %+v (%v)", run.Status, run.Error, err)
		}
		// Retried later it goes through without order.
		f.set(3, true)
		third := g.startKeyed(3, "a")
		g.wait(third)
		f.set(0, false)
		if _, err := g.Retry(t.Context(), RetryRequest{ID: first}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(first); run.Status != workflow.RunSucceeded {
			t.Errorf("a parked run that is retried is %s", run.Status)
		}
	})
}

func TestARetryThatSucceedsLetsTheNextGoOnAtOnce(t *testing.T) {
	for _, latest := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := &refusals{}
			f.set(0, true)
			v := &fakeIntegration{do: f.do}
			g := openPlaced(t, open(t, memory.New(memory.Options{}), "g1", v, Options{}), byKey, `{"concurrency":1}`, oneCall)
			defer g.stop()
			first, second := g.startKeyed(0, "a"), g.startKeyed(1, "a")
			g.wait(first)
			if latest {
				openPlaced(t, g, `{"key":"{{input.n}}","blockFor":"1s"}`, `{"concurrency":2}`, strings.Replace(oneCall, `"maxAttempts":1`, `"maxAttempts":2`, 1))
			}
			time.Sleep(30 * time.Minute)
			if _, err := g.Retry(t.Context(), RetryRequest{ID: first, Latest: latest}); err != nil { // fails again, and keeps its place
				t.Fatal(err)
			}
			g.wait(first)
			time.Sleep(10 * time.Minute)
			if status := g.status(second); status != workflow.RunQueued {
				t.Fatalf("the next is %s", status)
			}
			f.set(0, false)
			began := time.Now()
			if _, err := g.Retry(t.Context(), RetryRequest{ID: first, Latest: latest}); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{first, second} {
				if run := g.wait(id); run.Status != workflow.RunSucceeded {
					t.Errorf("run = %s (%v)", run.Status, run.Error)
				}
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("the next went on after %s", took)
			}
			if order := numbers(v, "a"); order[len(order)-1] != 1 {
				t.Errorf("calls were of %v", order)
			}
		})
	}
}

func TestACancelledRunLetsTheNextGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const signal = `{"id":"w","steps":[{"id":"s","type":"waitForEvent","event":"go"}]}`
		g := openPlaced(t, open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}), byKey, `{"concurrency":3}`, signal)
		defer g.stop()
		ids := []string{g.startKeyed(0, "a"), g.startKeyed(1, "a"), g.startKeyed(2, "a")}
		time.Sleep(time.Second)
		for i, want := range []workflow.RunStatus{workflow.RunWaiting, workflow.RunQueued, workflow.RunQueued} {
			if status := g.status(ids[i]); status != want {
				t.Fatalf("run %d is %s", i, status)
			}
		}
		for _, i := range []int{1, 0} { // one that waits for its turn, and the one that others wait for
			if _, err := g.Cancel(t.Context(), ids[i], Once{}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(ids[i]); run.Status != workflow.RunCancelled {
				t.Errorf("run %d is %s", i, run.Status)
			}
		}
		time.Sleep(time.Second)
		if status := g.status(ids[2]); status != workflow.RunWaiting {
			t.Errorf("the last is %s", status)
		}
	})
}

func TestARunThatStillRetriesOrWaitsIsParked(t *testing.T) {
	for name, steps := range map[string]string{
		"retries":         `{"id":"a","type":"vendor","action":"safe","params":{"n":"{{input.n}}","key":"{{input.key}}"},"retry":{"maxAttempts":1000,"maxInterval":"7m"}}`,
		"a call is under": `{"id":"a","type":"vendor","action":"safe","params":{"n":"{{input.n}}","key":"slow"},"retry":{"maxAttempts":1000}}`,
		"waits":           `{"id":"a","type":"wait","duration":"24h"}`,
		"for a signal":    `{"id":"a","type":"waitForEvent","event":"never"}`,
		"for a child":     `{"id":"a","type":"workflow","workflow":"child"}`,
	} {
		for _, lane := range []string{"", `{"concurrency":1}`} {
			t.Run(name+lane, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &fakeIntegration{do: func(_ context.Context, n int, call sdk.Call) (sdk.Result, error) {
						if strings.Contains(string(call.Params), "slow") {
							time.Sleep(100 * time.Second)
						}
						return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "busy", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
					}}
					child, err := workflow.Parse([]byte(`{"id":"child","steps":[{"id":"s","type":"waitForEvent","event":"never"}]}`), workflow.InputRoots)
					if err != nil {
						t.Fatal(err)
					}
					store := memory.New(memory.Options{})
					g := openPlaced(t, open(t, store, "g1", v, Options{}), byKey, lane, `{"id":"w","steps":[`+steps+`]}`)
					g.executor.definitions.byID["child"], g.executor.definitions.byHash[child.Hash] = child, child
					defer g.stop()
					first, second := g.startKeyed(0, "a"), g.startKeyed(1, "a")
					time.Sleep(59 * time.Minute)
					if status := g.status(second); status != workflow.RunQueued {
						t.Fatalf("the next is %s", status)
					}
					time.Sleep(time.Minute + 2*time.Minute + 10*time.Second) // with a call of 100 s that is waited for
					run, err := g.Get(t.Context(), first)
					if err != nil || run.Status != workflow.RunFailed || run.Error.Err.Code != workflow.CodeParked {
						t.Fatalf("first = %s, %+v (%v)", run.Status, run.Error, err)
					}
					if len(v.seen()) > 0 && !strings.Contains(run.Error.Err.Message, "unavailable: busy") {
						t.Errorf("error = %s", run.Error.Err.Message)
					}
					if status := g.status(second); status == workflow.RunQueued {
						t.Errorf("the next is %s", status)
					}
				})
			})
		}
	}
}

func TestAPlaceInAnOrderSurvivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &refusals{}
		f.set(0, true)
		v := &fakeIntegration{do: f.do}
		store := memory.New(memory.Options{})
		g1 := openPlaced(t, open(t, store, "g1", v, Options{}), byKey, "", oneCall)
		first, second := g1.startKeyed(0, "a"), g1.startKeyed(1, "a")
		g1.wait(first)
		g1.crash()
		time.Sleep(10 * time.Minute)
		g2 := openPlaced(t, open(t, store, "g2", v, Options{}), byKey, "", oneCall)
		defer g2.stop()
		time.Sleep(49 * time.Minute)
		if status := g2.status(second); status != workflow.RunQueued {
			t.Fatalf("the next is %s", status)
		}
		time.Sleep(2 * time.Minute)
		if status := g2.status(second); status != workflow.RunSucceeded {
			t.Errorf("the next is %s", status)
		}
	})
}

func TestARunThatIsRemovedLetsTheNextGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &refusals{}
		f.set(0, true)
		store := memory.New(memory.Options{})
		g := openPlaced(t, open(t, store, "g1", &fakeIntegration{do: f.do}, Options{Retention: Retention{Failed: 5 * time.Minute}}), `{"key":"{{input.key}}","blockFor":"24h"}`, "", oneCall)
		defer g.stop()
		first, second := g.startKeyed(0, "a"), g.startKeyed(1, "a")
		g.wait(first)
		time.Sleep(10 * time.Minute)
		if _, err := g.Get(t.Context(), first); !errors.Is(err, ErrNotFound) {
			t.Fatalf("the first is still there: %v", err)
		}
		if status := g.status(second); status != workflow.RunSucceeded {
			t.Errorf("the next is %s", status)
		}
		checkNoPlacesLeft(t, store, second)
	})
}

func TestARunInThePlaceOfAFailedOneHasItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &refusals{}
		f.set(0, true)
		v := &fakeIntegration{do: f.do}
		g := openPlaced(t, open(t, memory.New(memory.Options{}), "g1", v, Options{}), byKey, "", oneCall)
		defer g.stop()
		first, second := g.startKeyed(0, "a"), g.startKeyed(1, "a")
		g.wait(first)
		f.set(0, false)
		again, err := g.Rerun(t.Context(), RerunRequest{ID: first})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{again.ID, second} {
			if run := g.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s", run.Status)
			}
		}
		if order := numbers(v, "a"); !slices.Equal(order, []int{0, 0, 1}) {
			t.Errorf("calls were of %v", order)
		}
	})
}

// checkNoPlacesLeft makes sure that nothing is kept of groups whose runs have all gone
// through.
func checkNoPlacesLeft(t *testing.T, store *memory.Store, ids ...string) {
	t.Helper()
	time.Sleep(time.Minute)
	for _, queue := range []string{layout.QueueGroup, layout.QueueBlock} {
		if due, next, err := store.Due(t.Context(), queue, page); err != nil || len(due) > 0 || next >= 0 {
			t.Errorf("the queue %s has %v, the next in %s (%v)", queue, due, next, err)
		}
	}
	var groups []string
	for _, id := range ids {
		data, err := store.Get(t.Context(), state.Ref{Bucket: layout.BucketRun, ID: id})
		if err != nil || data[0] == nil {
			continue // it was removed
		}
		rec, err := decodeRecord(id, data[0])
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, rec.Order, rec.Lane, rec.ConcurrencyKey)
	}
	for _, group := range groups {
		for _, kind := range []string{layout.SetActive, layout.SetThrottled} {
			if left, err := store.Range(t.Context(), state.Range{Set: kind + "/" + group, Limit: 1}); group != "" && (err != nil || len(left) > 0) {
				t.Errorf("in %s/%s is %v (%v)", kind, group, left, err)
			}
		}
	}
	if left, err := store.Range(t.Context(), state.Range{Set: layout.SetBlocked + "/w", Limit: 1}); err != nil || len(left) > 0 {
		t.Errorf("blocked is %v (%v)", left, err)
	}
}
