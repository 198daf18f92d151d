package schedule

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// overdueAfter is when a tick that is not known to be handled is overdue: what
// another gateway has handled is known within restoreInterval.
const overdueAfter = restoreInterval + checkInterval

// The outcomes of a tick.
const (
	tickStarted    = "started"     // its run
	tickPassedOver = "passed_over" // the workflow does not take it: its limit, or its schema
	tickMissed     = "missed"      // one or more, for which the latest stands
)

var _ prometheus.Collector = (*Scheduler)(nil)

var (
	lagDesc = prometheus.NewDesc("backflow_schedule_lag_seconds",
		"How late the last tick was handled that this gateway handled; while one is overdue, how late that is.", []string{"schedule"}, nil)
	nextDesc = prometheus.NewDesc("backflow_schedule_next_tick_timestamp_seconds",
		"When the next tick is due, as far as this gateway knows, as a Unix time.", []string{"schedule"}, nil)
)

func newTicks() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backflow_schedule_ticks_total", Help: "Ticks that this gateway handled, by what came of them.",
	}, []string{"schedule", "outcome"})
}

// keepTicks makes the schedules of the config known, whose counters begin at zero,
// and drops the series of those that it has no more.
func (s *Scheduler) keepTicks(before, now map[string]*scheduled) {
	for name := range now {
		for _, outcome := range []string{tickStarted, tickPassedOver, tickMissed} {
			s.ticks.WithLabelValues(name, outcome)
		}
	}
	for name := range before {
		if now[name] == nil {
			s.ticks.DeletePartialMatch(prometheus.Labels{"schedule": name})
		}
	}
}

// Describe sends which metrics there are.
func (s *Scheduler) Describe(ch chan<- *prometheus.Desc) {
	s.ticks.Describe(ch)
	ch <- lagDesc
	ch <- nextDesc
}

// Collect sends the metrics of the schedules that there are now.
func (s *Scheduler) Collect(ch chan<- prometheus.Metric) {
	s.ticks.Collect(ch)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for name, entry := range s.schedules {
		lag := entry.lag
		if late := now.Sub(entry.next); !entry.next.IsZero() && late > overdueAfter {
			lag = late
		}
		ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, lag.Seconds(), name)
		if !entry.next.IsZero() {
			ch <- prometheus.MustNewConstMetric(nextDesc, prometheus.GaugeValue, float64(entry.next.UnixMilli())/float64(time.Second/time.Millisecond), name)
		}
	}
}
