// Package measured measures a state store: how long its operations take, which
// fail, and whether there is an outage.
//
// The package imports core/outage and core/state.
package measured

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
)

// Store is a store that is measured. It is safe for concurrent use.
type Store struct {
	state.Store
	outage   *outage.Log
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
}

var (
	_ state.Store          = (*Store)(nil)
	_ state.Limited        = (*Store)(nil)
	_ prometheus.Collector = (*Store)(nil)
)

// buckets are of durations in seconds: from a read of memory to an outage.
var buckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

var outageDesc = prometheus.NewDesc("backflow_store_outage",
	"1 while the state store cannot be used, from the first operation that failed until it is used again; else 0.", nil, nil)

// New returns the store with its operations measured. Closing it closes the store.
// The logger gets the outages of a store that has no log of its own.
func New(store state.Store, logger *slog.Logger) *Store {
	s := &Store{
		Store: store,
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backflow_store_operation_duration_seconds", Help: "How long operations of the state store took.", Buckets: buckets,
		}, []string{"operation"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_store_errors_total", Help: "Operations of the state store that failed. A condition that does not hold is no failure.",
		}, []string{"operation", "kind"}),
	}
	if logs, ok := store.(interface{ Outage() *outage.Log }); ok {
		s.outage = logs.Outage()
	} else {
		s.outage = outage.New(logger, outage.Trouble("the state store"))
	}
	for _, operation := range []string{"commit", "get", "range", "count", "journal", "due"} {
		s.duration.WithLabelValues(operation)
		s.errors.WithLabelValues(operation, "unavailable")
		s.errors.WithLabelValues(operation, "other")
	}
	s.errors.WithLabelValues("commit", "refused")
	return s
}

// Outage returns the log of the store's outages, for those who retry.
func (s *Store) Outage() *outage.Log { return s.outage }

// Describe sends which metrics there are.
func (s *Store) Describe(ch chan<- *prometheus.Desc) {
	s.duration.Describe(ch)
	s.errors.Describe(ch)
	ch <- outageDesc
}

// Collect sends the metrics.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	s.duration.Collect(ch)
	s.errors.Collect(ch)
	value := 0.0
	if s.outage.Lasts() {
		value = 1
	}
	ch <- prometheus.MustNewConstMetric(outageDesc, prometheus.GaugeValue, value)
}

func (s *Store) done(operation string, begun time.Time, err error) {
	s.duration.WithLabelValues(operation).Observe(time.Since(begun).Seconds())
	switch {
	case err == nil, errors.As(err, new(*state.ConflictError)), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, state.ErrUnavailable):
		s.errors.WithLabelValues(operation, "unavailable").Inc()
	case errors.As(err, new(*state.RefusedError)):
		s.errors.WithLabelValues(operation, "refused").Inc()
	default:
		s.errors.WithLabelValues(operation, "other").Inc()
	}
}

// Commit implements state.Store.
func (s *Store) Commit(ctx context.Context, ops ...state.Op) error {
	begun := time.Now()
	err := s.Store.Commit(ctx, ops...)
	s.done("commit", begun, err)
	return err
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	begun := time.Now()
	found, err := s.Store.Get(ctx, refs...)
	s.done("get", begun, err)
	return found, err
}

// Limits implements state.Limited.
func (s *Store) Limits() state.Limits { return state.LimitsOf(s.Store) }

// Range implements state.Store.
func (s *Store) Range(ctx context.Context, r state.Range) ([]string, error) {
	begun := time.Now()
	members, err := s.Store.Range(ctx, r)
	s.done("range", begun, err)
	return members, err
}

// Count implements state.Store.
func (s *Store) Count(ctx context.Context, sets ...string) ([]int, error) {
	begun := time.Now()
	counts, err := s.Store.Count(ctx, sets...)
	s.done("count", begun, err)
	return counts, err
}

// Journal implements state.Store.
func (s *Store) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	begun := time.Now()
	entries, err := s.Store.Journal(ctx, id, from, limit)
	s.done("journal", begun, err)
	return entries, err
}

// Due implements state.Store.
func (s *Store) Due(ctx context.Context, queue string, limit int) ([]state.Timer, time.Duration, error) {
	begun := time.Now()
	due, next, err := s.Store.Due(ctx, queue, limit)
	s.done("due", begun, err)
	return due, next, err
}
