package gateway

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// unmatchedRoute stands in labels for all paths that lead to nothing.
const unmatchedRoute = "unmatched"

// metrics count requests. Their labels are paths as the table of endpoints and the
// config have them, known methods and classes of statuses: no request can add a
// series.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight atomic.Int64

	mu     sync.Mutex // guards series
	series map[seriesKey]series
}

// seriesKey is what requests are counted by.
type seriesKey struct {
	path, method string
	class        int // of the status: its first digit, 0 where no response was sent
}

// series are the metrics of requests that are counted together, found once.
type series struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

// requestBuckets are of durations in seconds: from a health check to a wait for a
// run.
var requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}

// The metrics whose present value is found when they are read.
var (
	inFlightDesc = prometheus.NewDesc("backflow_http_requests_in_flight",
		"Requests under way, with those that wait for a run and those that follow one.", nil, nil)
	placesDesc = prometheus.NewDesc("backflow_http_places_in_use",
		"Requests that hold a place, by what they do.", []string{"pool"}, nil)
	maxPlacesDesc = prometheus.NewDesc("backflow_http_places_max",
		"Requests that may hold a place at once.", []string{"pool"}, nil)
	bytesDesc = prometheus.NewDesc("backflow_http_transfer_bytes",
		"Bytes of bodies on their way in, and of responses on their way out, in memory.", []string{"direction"}, nil)
	maxBytesDesc = prometheus.NewDesc("backflow_http_transfer_max_bytes",
		"Bytes that they may have; beyond it the slowest are dropped.", []string{"direction"}, nil)
)

func newMetrics() *metrics {
	return &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_http_requests_total", Help: "Requests, by path of the table of endpoints, method and class of the status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backflow_http_request_duration_seconds", Help: "How long requests took, waits for runs and streams included.", Buckets: requestBuckets,
		}, []string{"route"}),
		series: map[seriesKey]series{},
	}
}

var _ prometheus.Collector = (*Gateway)(nil)

// Describe sends which metrics there are.
func (g *Gateway) Describe(ch chan<- *prometheus.Desc) {
	g.metrics.requests.Describe(ch)
	g.metrics.duration.Describe(ch)
	for _, desc := range []*prometheus.Desc{inFlightDesc, placesDesc, maxPlacesDesc, bytesDesc, maxBytesDesc} {
		ch <- desc
	}
}

// Collect sends the metrics of requests.
func (g *Gateway) Collect(ch chan<- prometheus.Metric) {
	g.metrics.requests.Collect(ch)
	g.metrics.duration.Collect(ch)
	gauge := func(desc *prometheus.Desc, value int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	gauge(inFlightDesc, int(g.metrics.inFlight.Load()))
	for pool, limiter := range map[string]*limiter{"working": g.working, "waiting": g.waiting, "streaming": g.streaming} {
		gauge(placesDesc, limiter.inUse(), pool)
		gauge(maxPlacesDesc, limiter.size, pool)
	}
	for direction, transfers := range map[string]*transfers{"in": g.arriving, "out": g.leaving} {
		gauge(bytesDesc, transfers.inUse(), direction)
		gauge(maxBytesDesc, transfers.limit, direction)
	}
}

// ended counts a request that has got its response.
func (m *metrics) ended(rt *route, method string, status int, took time.Duration) {
	path := unmatchedRoute
	if rt != nil {
		path = rt.path
	}
	key := seriesKey{path, methodLabel(method), status / 100}
	m.mu.Lock()
	s, ok := m.series[key]
	if !ok {
		s = series{m.requests.WithLabelValues(path, key.method, statusLabel(status)), m.duration.WithLabelValues(path)}
		m.series[key] = s
	}
	m.mu.Unlock()
	s.requests.Inc()
	s.duration.Observe(took.Seconds())
}

// keep drops the series of paths that a table does not have.
func (m *metrics) keep(t *table) {
	known := map[string]bool{unmatchedRoute: true}
	for _, rt := range t.routes {
		known[rt.path] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.series {
		if !known[key.path] {
			delete(m.series, key)
			m.requests.DeletePartialMatch(prometheus.Labels{"route": key.path})
			m.duration.DeleteLabelValues(key.path)
		}
	}
}

// methodLabel is a method as metrics have it: any client may send any other.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// statusLabel is the class of a status, as in "2xx"; "none" where no response was
// sent.
func statusLabel(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}
