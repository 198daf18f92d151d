package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// point is what was measured of one subject at one number of callers.
type point struct {
	rate          float64       // requests a second
	p50, p99      time.Duration // of a request
	own, children time.Duration // processor time for one request, of the subject and of the processes that it started
	resident      int64         // of the subject's processes together, in bytes
}

// warmUp is how long the load runs before it is measured.
const warmUp = 200 * time.Millisecond

// message is what a subject is sent.
type message struct {
	path, contentType string
	body              []byte
	keyed             bool // each has an Idempotency-Key of its own
	// make makes the body of each request, with further headers; nil is body.
	make func() ([]byte, http.Header)
}

// sender sends the load.
type sender struct {
	client *http.Client
	// check returns an error for the body of a response that is not what it must be.
	check func(body []byte) error
	// effects returns how many calls the upstream has got so far, of which each
	// request makes so many.
	effects func(context.Context) (int64, error)
	each    int
}

func newSender(check func([]byte) error, effects func(context.Context) (int64, error), each int) *sender {
	return &sender{check: check, effects: effects, each: each, client: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}}
}

// newRunSender returns a sender of requests that start a run and wait for its end.
func newRunSender(s *stub) *sender {
	return newSender(func(body []byte) error {
		var run struct{ Status string }
		if err := json.Unmarshal(body, &run); err != nil || run.Status != "succeeded" {
			return fmt.Errorf("a run did not succeed: %s", body)
		}
		return nil
	}, func(context.Context) (int64, error) { return s.calls.Load(), nil }, steps)
}

// close ends the connections that are kept for further requests.
func (d *sender) close() { d.client.CloseIdleConnections() }

// rounds measures the subjects in turn, as often as the options say.
func (d *sender) rounds(ctx context.Context, o options, callers int, subjects []*subject) ([]result, error) {
	results := make([]result, len(subjects))
	for range o.rounds {
		for i, s := range subjects {
			measured, err := d.measure(ctx, s, callers, o.length)
			if err != nil {
				return nil, err
			}
			results[i].subject = s.name
			results[i].points = append(results[i].points, measured)
		}
	}
	return results, nil
}

// measure lets callers send requests, one after another each, for a time. A request
// that does not succeed, or does not make its calls, is an error.
func (d *sender) measure(ctx context.Context, s *subject, callers int, length time.Duration) (point, error) {
	if _, err := d.load(ctx, s, callers, warmUp); err != nil {
		return point{}, err
	}
	before, err := usageOf(s.cmd.Process.Pid)
	if err != nil {
		return point{}, err
	}
	had, err := d.effects(ctx)
	if err != nil {
		return point{}, err
	}
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
	has, err := d.effects(ctx)
	if err != nil {
		return point{}, err
	}
	sent := len(latencies)
	if made := has - had; made != int64(sent*d.each) {
		return point{}, fmt.Errorf("%s: %d requests made %d calls, want %d", s.name, sent, made, sent*d.each)
	}
	slices.Sort(latencies)
	own, children := after.since(before, s.cmd.Process.Pid)
	p := point{
		rate: float64(sent) / took.Seconds(),
		p50:  latencies[sent/2], p99: latencies[sent*99/100],
		own: own / time.Duration(sent), children: children / time.Duration(sent),
	}
	for _, bytes := range after.resident {
		p.resident += bytes
	}
	return p, nil
}

// load returns how long each request took.
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
				err = d.send(ctx, s)
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

// send sends one message.
func (d *sender) send(ctx context.Context, s *subject) error {
	content, header := s.message.body, http.Header(nil)
	if s.message.make != nil {
		content, header = s.message.make()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+s.message.path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", s.message.contentType)
	request.Header.Set("Authorization", "Bearer "+token)
	if s.message.keyed {
		request.Header.Set("Idempotency-Key", rand.Text())
	}
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	if err == nil {
		err = d.check(body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
