package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// result is all points of one subject at one number of callers.
type result struct {
	subject string
	points  []point
}

// median of one figure over the rounds.
func median[T cmp.Ordered](points []point, figure func(point) T) T {
	all := make([]T, len(points))
	for i, p := range points {
		all[i] = figure(p)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// report writes the medians over the rounds of one medium at one number of
// callers, as rows of a Markdown table. The first result is the floor, to
// which the others are held.
func report(w io.Writer, callers int, results []result) {
	rate := func(p point) float64 { return p.rate }
	p50 := func(p point) time.Duration { return p.p50 }
	p99 := func(p point) time.Duration { return p.p99 }
	cpu := func(p point) time.Duration { return 1000 * (p.own + p.children) }
	resident := func(p point) int64 { return p.resident }
	floor := results[0].points
	for _, r := range results {
		fmt.Fprintf(w, "| %d | %s | %.0f | %.2f | %.2f | %.3f | %d | %.2f | %.2f | %.2f |\n", callers, r.subject,
			median(r.points, rate), millis(median(r.points, p50)), millis(median(r.points, p99)),
			median(r.points, cpu).Seconds(), median(r.points, resident)>>20,
			median(floor, rate)/median(r.points, rate),
			float64(median(r.points, p50))/float64(median(floor, p50)),
			float64(median(r.points, cpu))/float64(median(floor, cpu)))
	}
}

const reportHead = `| callers | subject | runs/s | p50 ms | p99 ms | CPU s per 1,000 | resident MiB | floor's rate over this | p50 over floor's | CPU over floor's |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
