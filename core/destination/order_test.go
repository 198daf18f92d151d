package destination

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
)

// inOrder is a destination whose messages all have the same key.
func inOrder(t *testing.T) Definition {
	t.Helper()
	order, err := template.Compile("{{type}}", template.Options{Roots: OrderRoots})
	if err != nil {
		t.Fatal(err)
	}
	d := crm()
	d.Order = order
	return d
}

func TestHeldMessagesOfOneMillisecondKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := gateOf(200)
		p := open(t, newStore(), "g1", &network.receivers, inOrder(t))
		defer p.stop()
		if err := p.Disable(t.Context(), "crm", "shop", "", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		var made []string
		for i := range 20 {
			made = append(made, p.send(fmt.Sprint(i)))
			time.Sleep(time.Microsecond)
		}
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		p.pass(time.Minute, func() bool { return len(network.taken()) == len(made) })
		if got := network.taken(); !slices.Equal(got, made) {
			t.Errorf("taken in the order %q, made in %q", got, made)
		}
	})
}

// A destination is disabled and enabled again while an attempt is under way and another
// message waits behind it: neither is overtaken by what was held meanwhile.
func TestAProbeDoesNotOvertakeWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		network := &gate{}
		network.respond = func(_ context.Context, n int, _ *receivedMessage) (*http.Response, error) {
			if n == 1 {
				<-goOn
				return status(500), nil
			}
			return status(200), nil
		}
		p := open(t, newStore(), "g1", &network.receivers, inOrder(t))
		defer p.stop()
		made := []string{p.send("under way")}
		time.Sleep(time.Millisecond)
		made = append(made, p.send("behind it"))
		time.Sleep(time.Millisecond)
		if err := p.Disable(t.Context(), "crm", "shop", "", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		made = append(made, p.send("held"))
		if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
			t.Fatal(err)
		}
		close(goOn)
		p.pass(time.Hour, func() bool { return len(network.taken()) == len(made) })
		if got := network.taken(); !slices.Equal(got, made) {
			t.Errorf("taken in the order %q, made in %q", got, made)
		}
		p.pass(time.Minute, func() bool { v := p.view(); return v.Enabled && v.Held == 0 })
	})
}

func TestNoMessageOvertakesAnotherHoweverItsDestinationIsDisabledAndEnabled(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			network := &gate{}
			network.respond = func(context.Context, int, *receivedMessage) (*http.Response, error) {
				time.Sleep(50 * time.Millisecond)
				return status(200), nil
			}
			p := open(t, newStore(), "g1", &network.receivers, inOrder(t))
			defer p.stop()
			var made []string
			for i := range 150 {
				made = append(made, p.send(fmt.Sprint(i)))
				var err error
				switch r.IntN(5) {
				case 0:
					err = p.Disable(t.Context(), "crm", "shop", "", engine.Once{})
				case 1, 2:
					err = p.Enable(t.Context(), "crm", "shop", engine.Once{})
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(r.IntN(60)+1) * time.Millisecond)
			}
			p.pass(time.Hour, func() bool {
				if v := p.view(); !v.Enabled && !v.Probing {
					if err := p.Enable(t.Context(), "crm", "shop", engine.Once{}); err != nil {
						t.Fatal(err)
					}
				}
				return len(network.taken()) >= len(made)
			})
			var first []string
			for _, id := range network.taken() {
				if !slices.Contains(first, id) {
					first = append(first, id)
				}
			}
			if !slices.Equal(first, made) {
				for i := range first {
					if first[i] != made[i] {
						t.Fatalf("seed %d: of %d taken, number %d is that made as number %d", seed, len(first), i, slices.Index(made, first[i]))
					}
				}
			}
		})
	}
}

// A message that may hold up no others any more says so: its attempts are not used up.
func TestAMessageThatIsParkedShowsWhyItIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := gateOf(500)
		p := open(t, newStore(), "g1", &network.receivers, inOrder(t))
		defer p.stop()
		id := p.send("alone")
		p.pass(2*time.Hour, func() bool { return p.message(id).Status == StatusFailed })
		m := p.message(id)
		if m.Error == nil || m.Error.Code != workflow.CodeParked || !strings.Contains(m.Error.Message, "500") || m.Response == nil || m.Response.Status != 500 {
			t.Errorf("message = %+v, error %v", m, m.Error)
		}
	})
}
