package destination

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/sdk"
)

func TestAMessageIsSentOnceForItsKeyAndSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := always(200)
		p := open(t, newStore(), "g1", network, crm())
		defer p.stop()
		id := p.send("k1")
		if again := p.send("k1"); again != id {
			t.Errorf("the call again makes %s, not %s", again, id)
		}
		synctest.Wait()
		got := network.requests()
		if len(got) != 1 || got[0].id != id || !strings.HasPrefix(id, "msg_") || strings.Contains(id, ".") {
			t.Fatalf("%d requests: %+v", len(got), got)
		}
		m := got[0]
		want := fmt.Sprintf(`{"type":"order.paid","timestamp":"%s","data":{"n":"k1"}}`, m.at.UTC().Format("2006-01-02T15:04:05.000Z"))
		if m.body != want {
			t.Errorf("the body is %s, want %s", m.body, want)
		}
		for name, want := range map[string]string{"Content-Type": "application/json", "User-Agent": "Backflow", "Webhook-Timestamp": fmt.Sprint(m.at.Unix())} {
			if got := m.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		shown := p.message(id)
		if shown.Status != StatusDelivered || shown.Attempts != 1 || shown.Response == nil || shown.Response.Status != 200 || shown.Response.Body != "said 200" {
			t.Errorf("shown is %+v", shown)
		}
		runs, err := p.engine.List(t.Context(), engine.ListRequest{Workflow: "destination:crm"})
		if err != nil || len(runs.Runs) != 1 || runs.Runs[0].ID != shown.Run {
			t.Errorf("runs: %+v, %v", runs, err)
		}
	})
}

func TestAnotherMessageUnderAKnownIDIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := always(200)
		p := open(t, newStore(), "g1", network, crm())
		defer p.stop()
		send := func(key, data string) error {
			_, err := p.call(ActionSend, key, `{"destination":"crm","type":"a","id":"order-1","data":`+data+`}`)
			return err
		}
		for i, err := range []error{send("k1", `1`), send("k2", `1`)} {
			if err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		if err := send("k3", `2`); codeOf(err) != sdk.CodeConflict {
			t.Errorf("other data: %v", err)
		}
		synctest.Wait()
		if got := network.requests(); len(got) != 1 || got[0].id != "order-1" {
			t.Errorf("sent: %+v", got)
		}
	})
}

func TestPublishGoesToAllThatWantTheType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := always(200)
		orders, all, invoices := crm(), crm(), crm()
		orders.Name, orders.URL, orders.Types = "orders", "https://orders.example.com", []string{"order.*"}
		all.Name, all.URL = "all", "https://all.example.com"
		invoices.Name, invoices.URL, invoices.Types = "invoices", "https://invoices.example.com", []string{"invoice.paid", "*.void"}
		p := open(t, newStore(), "g1", network, orders, all, invoices)
		defer p.stop()
		publish := func(key, kind string) string {
			made, err := p.call(ActionPublish, key, `{"type":"`+kind+`","data":{}}`)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(made["messages"])
		}
		first := publish("k1", "order.paid")
		if again := publish("k1", "order.paid"); again != first {
			t.Errorf("again: %s, not %s", again, first)
		}
		for _, want := range []string{"destination:all", "destination:orders"} {
			if !strings.Contains(first, want) || strings.Contains(first, "invoices") {
				t.Errorf("published to %s", first)
			}
		}
		if got := publish("k2", "order.void"); !strings.Contains(got, "invoices") || !strings.Contains(got, "orders") {
			t.Errorf("published to %s", got)
		}
		synctest.Wait()
		if got := network.requests(); len(got) != 5 {
			t.Errorf("%d requests, want 5", len(got))
		}
	})
}

func TestAttemptsKeepTheScheduleTheIDAndTheBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := always(500)
		p := open(t, newStore(), "g1", network, crm())
		defer p.stop()
		id := p.send("k1")
		p.pass(100*time.Hour, func() bool { return p.message(id).Status == StatusFailed })
		got := network.requests()
		if len(got) != len(schedule)+1 {
			t.Fatalf("%d attempts, want %d", len(got), len(schedule)+1)
		}
		for i, m := range got {
			if m.id != id || m.body != got[0].body || m.header.Get("Webhook-Timestamp") != fmt.Sprint(m.at.Unix()) {
				t.Errorf("attempt %d is %+v", i+1, m)
			}
			if i == 0 {
				continue
			}
			if wait, delay := m.at.Sub(got[i-1].at), schedule[i-1]; wait < delay || wait > delay+delay/10+3*time.Second {
				t.Errorf("attempt %d comes after %s, want %s and a tenth more at most", i+1, wait, delay)
			}
		}
		m := p.message(id)
		if m.Attempts != 10 || m.Response == nil || m.Response.Status != 500 || m.Error == nil || m.Error.Code != sdk.CodeUpstream {
			t.Errorf("the message is %+v", m)
		}
		if v := p.view(); !v.Enabled || v.FailingSince.IsZero() {
			t.Errorf("after three days: %+v", v)
		}
	})
}

func TestEveryFailureIsTriedAgain(t *testing.T) {
	for name, respond := range map[string]func() (*http.Response, error){
		"404":      func() (*http.Response, error) { return status(404), nil },
		"401":      func() (*http.Response, error) { return status(401), nil },
		"redirect": func() (*http.Response, error) { return status(302, "Location", "https://elsewhere.example.com"), nil },
		"503":      func() (*http.Response, error) { return status(503), nil },
		"reset":    func() (*http.Response, error) { return nil, fmt.Errorf("connection reset by the test") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &receivers{respond: func(_ context.Context, n int, _ *receivedMessage) (*http.Response, error) {
					if n > 1 {
						return status(204), nil
					}
					return respond()
				}}
				p := open(t, newStore(), "g1", network, crm())
				defer p.stop()
				id := p.send("k1")
				p.pass(time.Minute, func() bool { return p.message(id).Status == StatusDelivered })
				if got := network.requests(); len(got) != 2 || got[1].host != "crm.example.com" {
					t.Errorf("requests: %+v", got)
				}
				if v := p.view(); !v.FailingSince.IsZero() {
					t.Errorf("after a success it is failing since %s", v.FailingSince)
				}
			})
		})
	}
}

func TestRetryAfterIsObeyedAndBounded(t *testing.T) {
	for _, c := range []struct {
		status      int
		after       string
		least, most time.Duration
	}{
		{429, "120", 2 * time.Minute, 2*time.Minute + 10*time.Second},
		{503, "60", time.Minute, time.Minute + 10*time.Second},
		{429, "999999999", 24 * time.Hour, 24*time.Hour + time.Minute},
		{503, "99999999999999999999", 24 * time.Hour, 24*time.Hour + time.Minute},
		{503, "Wed, 21 Oct 2099 07:28:00 GMT", 24 * time.Hour, 24*time.Hour + time.Minute},
		{503, "Wed, 21 Oct 1998 07:28:00 GMT", 5 * time.Second, 10 * time.Second},
		{429, "-1", 5 * time.Second, 10 * time.Second},
		{429, "soon", 5 * time.Second, 10 * time.Second},
		{404, "120", 5 * time.Second, 10 * time.Second}, // says nothing there
	} {
		synctest.Test(t, func(t *testing.T) {
			network := &receivers{respond: func(_ context.Context, n int, _ *receivedMessage) (*http.Response, error) {
				if n > 1 {
					return status(200), nil
				}
				return status(c.status, "Retry-After", c.after), nil
			}}
			p := open(t, newStore(), "g1", network, crm())
			defer p.stop()
			id := p.send("k1")
			p.pass(25*time.Hour, func() bool { return p.message(id).Status == StatusDelivered })
			got := network.requests()
			if wait := got[1].at.Sub(got[0].at); wait < c.least || wait > c.most {
				t.Errorf("%d, %s: after %s", c.status, c.after, wait)
			}
		})
	}
}

func TestAnAttemptEndsAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &receivers{respond: func(ctx context.Context, n int, _ *receivedMessage) (*http.Response, error) {
			if n > 1 {
				return status(200), nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		p := open(t, newStore(), "g1", network, crm())
		defer p.stop()
		id := p.send("k1")
		p.pass(time.Minute, func() bool { return p.message(id).Status == StatusPending && p.message(id).Error != nil })
		if m := p.message(id); m.Error.Code != sdk.CodeTimeout || m.Error.Message != "crm did not respond within 20s" {
			t.Errorf("error %v", m.Error)
		}
		p.pass(time.Minute, func() bool { return p.message(id).Status == StatusDelivered })
	})
}

// A retry whose time has come while no gateway ran is made when one runs.
func TestAttemptsInThePastAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, network := newStore(), &receivers{respond: func(_ context.Context, n int, _ *receivedMessage) (*http.Response, error) {
			return status(map[bool]int{true: 200, false: 500}[n > 2]), nil
		}}
		p := open(t, store, "g1", network, crm())
		id := p.send("k1")
		p.pass(time.Minute, func() bool { return len(network.requests()) == 2 })
		p.crash()
		time.Sleep(48 * time.Hour)
		p = open(t, store, "g2", network, crm())
		defer p.stop()
		p.pass(time.Minute, func() bool { return p.message(id).Status == StatusDelivered })
	})
}
