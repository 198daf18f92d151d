package metrics

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestAScrapeHasTheFormatThatItAsksFor(t *testing.T) {
	t.Parallel()
	r := New("1.2.3", slog.New(slog.DiscardHandler))
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "backflow_things_total", Help: "Things."})
	if err := r.Register(counter); err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]struct{ kind, end string }{
		"": {"text/plain; version=0.0.4", "\n"},
		"application/openmetrics-text;version=1.0.0": {"application/openmetrics-text; version=1.0.0", "# EOF\n"},
	} {
		request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		request.Header.Set("Accept", accept)
		response := httptest.NewRecorder()
		r.Handler().ServeHTTP(response, request)
		if kind := response.Header().Get("Content-Type"); !strings.HasPrefix(kind, want.kind) {
			t.Errorf("asked for %q: %s", accept, kind)
		}
		body := response.Body.String()
		for _, part := range []string{`backflow_build_info{version="1.2.3"} 1`, "backflow_things_total 0", "go_goroutines ", "process_resident_memory_bytes "} {
			if !strings.Contains(body, part) {
				t.Errorf("asked for %q: no %s", accept, part)
			}
		}
		if !strings.HasSuffix(body, want.end) {
			t.Errorf("asked for %q: it ends otherwise than with %q", accept, want.end)
		}
	}
}

func TestTwoMetricsOfOneNameAreAnError(t *testing.T) {
	t.Parallel()
	r := New("1", slog.New(slog.DiscardHandler))
	one := prometheus.NewCounter(prometheus.CounterOpts{Name: "backflow_x", Help: "X."})
	other := prometheus.NewGauge(prometheus.GaugeOpts{Name: "backflow_x", Help: "Other."})
	if err := r.Register(one, other); err == nil {
		t.Error("accepted")
	}
}
