// Package metrics is where a gateway's metrics come together, for Prometheus and
// other readers of its format or of OpenMetrics.
//
// A part of the gateway that has something to measure is a prometheus.Collector,
// or has some, beside the code that it measures; the program hands them to one
// Registry. Names begin with "backflow_". A label has few values, which the config
// gives or the code: never one that a request brings.
//
// It is apart from package telemetry so that only what measures depends on the
// library. The package imports nothing of the project.
package metrics

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry is all metrics of a gateway. It is safe for concurrent use.
type Registry struct {
	registry *prometheus.Registry
	logger   *slog.Logger
}

// New returns a registry with what every gateway has: the Go runtime, the process,
// and backflow_build_info. The logger gets the errors of a scrape.
func New(version string, logger *slog.Logger) *Registry {
	r := &Registry{registry: prometheus.NewRegistry(), logger: logger}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backflow_build_info", Help: "1, with the version of the gateway.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	r.registry.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Register adds metrics. Two of one name are an error.
func (r *Registry) Register(more ...prometheus.Collector) error {
	for _, collector := range more {
		if err := r.registry.Register(collector); err != nil {
			return err
		}
	}
	return nil
}

// Handler serves the metrics: in OpenMetrics to a client that accepts it, else in
// Prometheus's text format.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{
		ErrorLog:          slog.NewLogLogger(r.logger.Handler(), slog.LevelWarn),
		ErrorHandling:     promhttp.ContinueOnError,
		EnableOpenMetrics: true,
	})
}
