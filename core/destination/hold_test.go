package destination

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/notice"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/sdk"
)

// gate is a receiver that responds with what it is set to.
type gate struct {
	receivers
	code int
}

func gateOf(code int) *gate {
	g := &gate{code: code}
	g.respond = func(context.Context, int, *receivedMessage) (*http.Response, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		return status(g.code), nil
	}
	return g
}

func (g *gate) set(code int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.code = code
}

// taken are the ids that were taken, in order.
func (g *gate) taken() []string {
	var ids []string
	for _, m := range g.requests() {
		if m.status == 200 {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// notices are those that are stored.
func notices(t *testing.T, store state.Store) (stored []notice.Notice) {
	t.Helper()
	members, err := store.Range(context.Background(), state.Range{Set: layout.SetNotices, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members {
		_, id, _ := strings.Cut(member, "/")
		found, err := store.Get(context.Background(), state.Ref{Bucket: layout.BucketNotice, ID: id})
		var n notice.Notice
		if err != nil || json.Unmarshal(found[0], &n) != nil {
			t.Fatal(err)
		}
		stored = append(stored, n)
	}
	return stored
}

func TestGoneDisablesAtOnceAndAllMessagesAreHeldUntilAProbeIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, network := newStore(), gateOf(500)
		p := open(t, store, "g1", &network.receivers, crm())
		defer p.stop()
		waits := p.send("waits") // for its next attempt, when the destination is disabled
		synctest.Wait()
		network.set(410)
		refused := p.send("refused")
		p.pass(time.Minute, func() bool { return p.view().Held == 2 })
		v := p.view()
		if v.Enabled || v.Code != CodeGone || !strings.Contains(v.Reason, "410") || v.Since.IsZero() {
			t.Errorf("the destination is %+v", v)
		}
		made := len(network.requests())
		later := []string{p.send("later 1"), p.send("later 2")}
		time.Sleep(100 * time.Hour)
		if n := len(network.requests()); n != made {
			t.Errorf("%d requests were made while it is disabled", n-made)
		}
		all := append([]string{waits, refused}, later...)
		for _, id := range all {
			if m := p.message(id); m.Status != StatusHeld || m.Reason == "" {
				t.Errorf("%s is %+v", id, m)
			}
		}
		if held := p.messages(StatusHeld); len(held) != 4 {
			t.Errorf("%d are listed as held", len(held))
		}
		if got := notices(t, store); len(got) != 1 || got[0].Type != notice.TypeDestinationDisabled || got[0].Cause != "crm" || !strings.Contains(string(got[0].Data), `"code":"gone"`) || !strings.Contains(string(got[0].Data), `"since":"`) {
			t.Errorf("notices: %+v", got)
		}
		// A probe that fails changes nothing, and sends nothing else.
		network.set(503)
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Minute, func() bool { v := p.view(); return !v.Probing && v.Code == CodeProbe })
		if got := network.requests(); len(got) != made+1 || got[made].id != waits {
			t.Errorf("requests of the probe: %+v", got[made:])
		}
		if v := p.view(); v.Enabled || v.Held != 4 || !strings.Contains(v.Reason, "503") {
			t.Errorf("after the probe it is %+v", v)
		}
		network.set(200)
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Minute, func() bool { return len(network.taken()) == 4 })
		if got := network.taken(); got[0] != waits {
			t.Errorf("the probe is %s", got[0])
		}
		p.pass(time.Minute, func() bool { return p.view().Enabled && p.view().Held == 0 && len(p.messages(StatusDelivered)) == 4 })
		last := p.send("after")
		p.pass(time.Minute, func() bool { return p.message(last).Status == StatusDelivered })
		for _, id := range all {
			requests := slices.DeleteFunc(network.requests(), func(m receivedMessage) bool { return m.id != id })
			for _, m := range requests {
				if m.body != requests[0].body {
					t.Errorf("%s was sent as %s and as %s", id, requests[0].body, m.body)
				}
			}
		}
	})
}

func TestOnlyTimeDisablesADestinationThatFails(t *testing.T) {
	t.Run("many failures in a short time do not", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := open(t, newStore(), "g1", always(500), crm())
			defer p.stop()
			for i := range 50 {
				p.send(fmt.Sprint("m", i))
			}
			time.Sleep(4 * time.Hour)
			if v := p.view(); !v.Enabled {
				t.Errorf("after 4 hours it is %+v", v)
			}
		})
	})
	t.Run("five days without success do", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, network := newStore(), gateOf(500)
			p := open(t, store, "g1", &network.receivers, crm())
			defer p.stop()
			began, sent := time.Now(), 0
			for p.view().Enabled {
				if time.Since(began) > 7*24*time.Hour {
					t.Fatal("after six days it is enabled")
				}
				p.send(fmt.Sprint("m", sent))
				sent++
				time.Sleep(12 * time.Hour)
			}
			if took := time.Since(began); took < failingFor {
				t.Errorf("it is disabled after %s", took)
			}
			if v := p.view(); v.Code != CodeFailing {
				t.Errorf("it is %+v", v)
			}
			p.pass(time.Hour, func() bool { return len(p.messages(StatusPending)) == 0 })
			if held, failed := len(p.messages(StatusHeld)), len(p.messages(StatusFailed)); held+failed != sent || held == 0 {
				t.Errorf("%d are held and %d failed of %d", held, failed, sent)
			}
			if got := notices(t, store); len(got) != 1 {
				t.Errorf("notices: %+v", got)
			}
		})
	})
	t.Run("one success begins anew", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			network := gateOf(500)
			p := open(t, newStore(), "g1", &network.receivers, crm())
			defer p.stop()
			for i := range 16 { // eight days
				network.set(map[bool]int{true: 200, false: 500}[i == 8])
				p.send(fmt.Sprint("m", i))
				time.Sleep(12 * time.Hour)
			}
			if v := p.view(); !v.Enabled {
				t.Errorf("it is %+v", v)
			}
		})
	})
}

func TestHealthIsOverByTimeAndSpan(t *testing.T) {
	day, noon := 24*time.Hour, time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		failures []time.Duration
		over     bool
	}{
		"one":                            {[]time.Duration{0}, false},
		"a day less a moment":            {[]time.Duration{0, day, 5*day - time.Second}, false},
		"five days":                      {[]time.Duration{0, day, 5 * day}, true},
		"two, six days apart":            {[]time.Duration{0, 6 * day}, false},
		"two within an hour, much later": {[]time.Duration{0, 20 * day, 20*day + time.Minute}, false},
		"half a day, much later":         {[]time.Duration{0, 20 * day, 20*day + 12*time.Hour}, true},
		"less than half a day":           {[]time.Duration{0, 20 * day, 20*day + 12*time.Hour - time.Second}, false},
	} {
		h := health{}
		for _, at := range c.failures {
			h, _ = h.failed(noon.Add(at))
		}
		if got := h.isOver(noon.Add(c.failures[len(c.failures)-1])); got != c.over {
			t.Errorf("%s: %t", name, got)
		}
		if len(h.Marks) > 122 {
			t.Errorf("%s: %d marks", name, len(h.Marks))
		}
	}
	h := health{}
	for i := range 10_000 {
		h, _ = h.failed(noon.Add(time.Duration(i) * time.Minute))
	}
	if len(h.Marks) > 122 {
		t.Errorf("of 10,000 failures there are %d marks", len(h.Marks))
	}
}

func TestACallerDisablesAndEnables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, network := newStore(), gateOf(200)
		p := open(t, store, "g1", &network.receivers, crm())
		defer p.stop()
		if err := p.Disable(t.Context(), "crm", "shop", "", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		id := p.send("k")
		if m := p.message(id); m.Status != StatusHeld || m.Run != "" {
			t.Errorf("the message is %+v", m)
		}
		if again := p.send("k"); again != id || p.view().Held != 1 {
			t.Errorf("the call again made another message")
		}
		if v := p.view(); v.Code != CodeByHand || v.Reason != "disabled by shop" {
			t.Errorf("it is %+v", v)
		}
		if got := notices(t, store); len(got) != 0 {
			t.Errorf("notices: %+v", got)
		}
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Minute, func() bool { return p.view().Enabled && p.message(id).Status == StatusDelivered })
		for _, name := range []string{"crn", ""} {
			if err := p.Enable(t.Context(), name, "shop", engine.Once{}); codeOf(err) != sdk.CodeNotFound {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

// A probe whose run a user cancels leaves the destination disabled, not between.
func TestAProbeThatIsCancelledLeavesTheDestinationDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &receivers{respond: func(ctx context.Context, _ int, _ *receivedMessage) (*http.Response, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		p := open(t, newStore(), "g1", network, crm())
		defer p.stop()
		if err := p.Disable(t.Context(), "crm", "shop", "", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		id := p.send("k")
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.engine.Cancel(t.Context(), p.message(id).Run, engine.Once{}); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Hour, func() bool { v := p.view(); return !v.Probing && !v.Enabled })
	})
}

func TestAReplaySendsTheSameMessageAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := gateOf(500)
		p := open(t, newStore(), "g1", &network.receivers, crm())
		defer p.stop()
		id := p.send("k")
		p.pass(100*time.Hour, func() bool { return p.message(id).Status == StatusFailed })
		if runs, more, err := p.Failed(t.Context(), "crm", MessageFilter{Type: "order.*"}); err != nil || more || !slices.Equal(runs, []string{p.message(id).Run}) {
			t.Errorf("failed: %v, %t, %v", runs, more, err)
		}
		network.set(200)
		for range 2 { // one that failed, then one that was delivered
			if err := p.Replay(t.Context(), "crm", id, "shop", engine.Once{}); err != nil {
				t.Fatal(err)
			}
			n := len(network.taken())
			p.pass(time.Minute, func() bool { return p.message(id).Status == StatusDelivered && len(network.taken()) > n-1 })
		}
		p.pass(time.Minute, func() bool { return len(network.taken()) == 2 })
		got := network.requests()
		for _, m := range got {
			if m.id != id || m.body != got[0].body {
				t.Errorf("sent: %+v", m)
			}
		}
		if err := p.Replay(t.Context(), "crm", "msg_none", "shop", engine.Once{}); codeOf(err) != sdk.CodeNotFound {
			t.Errorf("an unknown message: %v", err)
		}
	})
}

func TestMessagesAreRemovedWithTheirRunsButNotWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, network := newStore(), gateOf(200)
		p := open(t, store, "g1", &network.receivers, crm())
		defer p.stop()
		p.send("delivered")
		p.pass(time.Minute, func() bool { return len(p.messages(StatusDelivered)) == 1 })
		if err := p.Disable(t.Context(), "crm", "shop", "", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		held := p.send("held")
		time.Sleep(40 * 24 * time.Hour)
		if all := p.messages(); len(all) != 1 || all[0].ID != held {
			t.Errorf("kept are %+v", all)
		}
		members, err := store.Range(t.Context(), state.Range{Set: messagesOf("crm"), Limit: 10})
		if err != nil || len(members) != 1 {
			t.Errorf("listed are %q, %v", members, err)
		}
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Minute, func() bool { return p.message(held).Status == StatusDelivered })
	})
}
