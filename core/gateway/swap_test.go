package gateway

import (
	"context"
	"sync"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/sdk"
)

// TestASwapIsSeenWholeOrNotAtAll: under load, a thousand swaps give no wrong
// answer; a request sees the tokens and the paths of one table.
func TestASwapIsSeenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.routes
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
				rec := w.send("GET", "/webhooks/shop", "")
				// The first table has the webhook; the second has neither it nor
				// the token. A mixture would answer 404.
				if rec.Code != 405 && rec.Code != 401 {
					t.Errorf("%d %s", rec.Code, rec.Body)
				}
			}
		})
	}
	for i := range 1000 {
		must(t, w.Swap([]Routes{other, w.routes}[i%2]))
	}
	close(done)
	wg.Wait()
	bad := w.routes
	bad.Tokens = []Token{{Name: "broken"}}
	if err := w.Swap(bad); err == nil {
		t.Error("a broken table was swapped in")
	}
	if err := w.Swap(Routes{}); err == nil {
		t.Error("routes without actions were swapped in")
	}
	wantStatus(t, w.send("GET", "/workflows", ""), 200)
}

func TestARequestFinishesOnTheRoutesItBeganWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		none := w.routes
		none.Tokens = nil
		if err := w.Swap(none); err != nil {
			t.Error(err)
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	wantStatus(t, w.pay("k"), 200)
	wantStatus(t, w.pay("k"), 401)
}
