package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// point is what was measured of one subject at one number of callers.
type point struct {
	rate     float64       // runs a second
	p50, p99 time.Duration // of a request that starts a run and waits for its end
	cpu      time.Duration // of the subject's processes, for 1,000 runs
	resident int64         // of the subject's processes together, in bytes
}

// warmUp is how long the load runs before it is measured.
const warmUp = 200 * time.Millisecond

// sender sends the load.
type sender struct {
	client *http.Client
	stub   *stub
}

func newSender(s *stub) *sender {
	return &sender{stub: s, client: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}}
}

// close ends the connections that are kept for further runs.
func (d *sender) close() { d.client.CloseIdleConnections() }

// measure lets callers start runs, one after another each, for a time. A run
// that does not succeed, or does not make its calls, is an error.
func (d *sender) measure(ctx context.Context, s *subject, callers int, length time.Duration) (point, error) {
	if _, err := d.load(ctx, s, callers, warmUp); err != nil {
		return point{}, err
	}
	before, err := usageOf(s.cmd.Process.Pid)
	if err != nil {
		return point{}, err
	}
	called := d.stub.calls.Load()
	began := time.Now()
	latencies, err := d.load(ctx, s, callers, length)
	if err != nil {
		return point{}, err
	}
	took := time.Since(began)
	after, err := usageOf(s.cmd.Process.Pid)
	if err != nil {
		return point{}, err
	}
	runs := len(latencies)
	if made := d.stub.calls.Load() - called; made != int64(runs*steps) {
		return point{}, fmt.Errorf("%s: %d runs made %d calls, want %d", s.name, runs, made, runs*steps)
	}
	slices.Sort(latencies)
	p := point{
		rate: float64(runs) / took.Seconds(),
		p50:  latencies[runs/2], p99: latencies[runs*99/100],
		cpu: (after.cpu - before.cpu) * 1000 / time.Duration(runs),
	}
	for _, bytes := range after.resident {
		p.resident += bytes
	}
	return p, nil
}

// load returns how long each run took.
func (d *sender) load(ctx context.Context, s *subject, callers int, length time.Duration) ([]time.Duration, error) {
	end := time.Now().Add(length)
	var mu sync.Mutex // guards all and failed
	var all []time.Duration
	var failed error
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			var own []time.Duration
			var err error
			for now := time.Now(); err == nil && now.Before(end); {
				began := now
				err = d.run(ctx, s)
				now = time.Now()
				own = append(own, now.Sub(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return all, failed
}

var body = input()

// run starts one run and waits for its end.
func (d *sender) run(ctx context.Context, s *subject) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.startURL(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	var run struct{ Status string }
	if err := json.Unmarshal(answer, &run); err != nil || response.StatusCode != http.StatusOK || run.Status != "succeeded" {
		return fmt.Errorf("%s: a run did not succeed: status %d: %s", s.name, response.StatusCode, answer)
	}
	return nil
}
