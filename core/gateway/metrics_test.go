package gateway

import (
	"net/http"
	"testing"

	"github.com/backflow/backflow/core/access"
)

func TestMetricsNeedTheirScope(t *testing.T) {
	t.Parallel()
	const scraper = "token-of-the-scraper"
	h := newHarness(t, func(o *Options) {
		o.Mounts = []Mount{Metrics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("backflow_x 1\n")) // a recorder takes everything
		}))}
		o.Routes.Tokens = append(o.Routes.Tokens, Token{Name: "scraper", Hash: access.HashOf(scraper), Scopes: scopes(t, "metrics:read")})
	})
	wantStatus(t, h.send("GET", "/metrics", "", "Authorization:"), 401)
	wantStatus(t, h.send("GET", "/metrics", "", "Authorization: Bearer "+narrowToken), 403)
	wantStatus(t, h.send("POST", "/metrics", ""), 405)
	for _, token := range []string{fullToken, scraper} {
		rec := h.send("GET", "/metrics", "", "Authorization: Bearer "+token)
		wantStatus(t, rec, 200)
		if body := rec.Body.String(); body != "backflow_x 1\n" {
			t.Errorf("got %q", body)
		}
	}
	wantStatus(t, h.send("GET", "/runs", "", "Authorization: Bearer "+scraper), 403)
}

func TestWithoutMetricsThereIsNothingAtTheirPath(t *testing.T) {
	t.Parallel()
	wantStatus(t, newHarness(t).send("GET", "/metrics", ""), 404)
}
