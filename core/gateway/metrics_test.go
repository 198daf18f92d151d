package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/internal/testkit"
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

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	id := fields(t, h.send("POST", startPath+"?wait=10s", `{"amount":1}`).Body.Bytes())["id"].(string)
	h.send("GET", "/runs/"+id, "")
	h.send("GET", "/runs/none", "")
	h.send("POST", startPath+"?wait=10s", `{"amount":1}`)
	h.send("GET", "/nowhere", "")
	h.send("GET", "/no/where/either", "")
	h.send("BREW", "/runs", "")
	h.send("GET", "/runs", "", "Authorization: Bearer unknown")
	testkit.WantMetrics(t, h.Gateway, map[string]float64{
		`backflow_http_requests_total{method="POST",route="/workflows/{workflow}/runs",status="2xx"}`: 2,
		`backflow_http_requests_total{method="GET",route="/runs/{run}",status="2xx"}`:                 1,
		`backflow_http_requests_total{method="GET",route="/runs/{run}",status="4xx"}`:                 1,
		`backflow_http_requests_total{method="GET",route="unmatched",status="4xx"}`:                   2,
		`backflow_http_requests_total{method="other",route="/runs",status="4xx"}`:                     1,
		`backflow_http_requests_total{method="GET",route="/runs",status="4xx"}`:                       1,
		`backflow_http_request_duration_seconds_count{route="/workflows/{workflow}/runs"}`:            2,
		`backflow_http_request_duration_seconds_count{route="/runs/{run}"}`:                           2,
		`backflow_http_request_duration_seconds_count{route="unmatched"}`:                             2,
		`backflow_http_request_duration_seconds_count{route="/runs"}`:                                 2,
		`backflow_http_requests_in_flight`:                                                            0,
		`backflow_http_places_in_use{pool="streaming"}`:                                               0,
		`backflow_http_places_in_use{pool="waiting"}`:                                                 0,
		`backflow_http_places_in_use{pool="working"}`:                                                 0,
		`backflow_http_transfer_bytes{direction="in"}`:                                                0,
		`backflow_http_transfer_bytes{direction="out"}`:                                               0,
	})
}

func TestRequestsUnderWayAreCounted(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	inside, leave := h.integration.blocks("createPayment")
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.send("POST", paymentsPath, `{"amount":1}`, "Idempotency-Key: k")
	}()
	<-inside
	testkit.WantMetrics(t, h.Gateway, map[string]float64{
		`backflow_http_requests_in_flight`:              1,
		`backflow_http_places_in_use{pool="streaming"}`: 0,
		`backflow_http_places_in_use{pool="waiting"}`:   0,
		`backflow_http_places_in_use{pool="working"}`:   1,
	})
	close(leave)
	<-done
}

func TestMetricsOfAPathGoWithIt(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.send("GET", "/readyz", "")
	routes := h.table.Load().Routes
	removed := &route{path: "/webhooks/gone"}
	h.metrics.ended(removed, "POST", 200, 0)
	must(t, h.Swap(routes))
	for series := range testkit.Metrics(t, h.Gateway) {
		if strings.Contains(series, "gone") {
			t.Error(series)
		}
	}
	testkit.WantMetrics(t, h.Gateway, map[string]float64{`backflow_http_requests_total{method="GET",route="/readyz",status="2xx"}`: 1})
}
