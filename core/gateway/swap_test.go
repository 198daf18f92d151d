package gateway

import (
	"context"
	"sync"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/sdk"
)

// TestASwapIsSeenWholeOrNotAtAll: under load, a thousand swaps give no wrong
// response; a request sees the tokens and the paths of one table.
func TestASwapIsSeenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	other := h.routes
	other.Tokens = []Token{{Name: "other", Hash: access.HashOf("other-token-of-the-tests"), Scopes: scopes(t, "admin")}}
	other.Webhooks = nil
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				rec := h.send("GET", "/webhooks/shop", "")
				// The first table has the webhook; the second has neither it nor
				// the token. A mixture would be 404.
				if rec.Code != 405 && rec.Code != 401 {
					t.Errorf("%d %s", rec.Code, rec.Body)
				}
			}
		})
	}
	for i := range 1000 {
		must(t, h.Swap([]Routes{other, h.routes}[i%2]))
	}
	close(done)
	wg.Wait()
	bad := h.routes
	bad.Tokens = []Token{{Name: "broken"}}
	if err := h.Swap(bad); err == nil {
		t.Error("a broken table was swapped in")
	}
	if err := h.Swap(Routes{}); err == nil {
		t.Error("routes without actions were swapped in")
	}
	wantStatus(t, h.send("GET", "/workflows", ""), 200)
}

func TestARequestFinishesOnTheRoutesItBeganWith(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		none := h.routes
		none.Tokens = nil
		if err := h.Swap(none); err != nil {
			t.Error(err)
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	wantStatus(t, h.pay("k"), 200)
	wantStatus(t, h.pay("k"), 401)
}
