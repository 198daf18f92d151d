package plugin

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// processMetrics are the metrics of which only plugins have a value, beside those
// of action.Metrics.
type processMetrics struct {
	restarts *prometheus.Desc
	kills    *prometheus.Desc
	memory   *prometheus.Desc
}

func newProcessMetrics() processMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("backflow_plugin_"+name, help, []string{"plugin"}, nil)
	}
	return processMetrics{
		restarts: desc("restarts_total", "How often the plugin was started again after it had failed."),
		kills:    desc("kills_total", "How often the plugin was killed because it hung or used too much memory."),
		memory:   desc("memory_bytes", "Memory that the plugin's process holds, when it was last looked at."),
	}
}

// counters are what Host.Collect reads of a plugin. memory is in bytes, zero while
// unknown.
type counters struct {
	restarts, kills, memory atomic.Int64
}
