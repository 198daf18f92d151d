package testkit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics returns the series of a collector by name and labels, as in
// `x_total{a="1",b="2"}`, with the labels in order and without those that are
// empty. Of a histogram it is the number of observations, as x_count.
func Metrics(t testing.TB, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, pair := range m.GetLabel() {
				if pair.GetValue() != "" {
					labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
				}
			}
			slices.Sort(labels)
			name, value := family.GetName(), m.GetCounter().GetValue()+m.GetGauge().GetValue()
			if h := m.GetHistogram(); h != nil {
				name, value = name+"_count", float64(h.GetSampleCount())
			}
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			series[name] = value
		}
	}
	return series
}

// WantMetrics makes sure that a collector has the series of Metrics that are
// wanted, and no other of their names.
func WantMetrics(t testing.TB, c prometheus.Collector, want map[string]float64) {
	t.Helper()
	names := map[string]bool{}
	for series := range want {
		name, _, _ := strings.Cut(series, "{")
		names[name] = true
	}
	got := Metrics(t, c)
	for series, value := range got {
		name, _, _ := strings.Cut(series, "{")
		if wanted, ok := want[series]; names[name] && (!ok || wanted != value) {
			t.Errorf("%s is %v, want %v (there: %t)", series, value, wanted, ok)
		}
	}
	for series := range want {
		if _, ok := got[series]; !ok {
			t.Errorf("%s is not there", series)
		}
	}
}
