package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// receiveSecret is what the events of this load are signed with.
	receiveSecret = "whsec_load0123456789abcdef"
	// eventSize is how large they are about, in bytes.
	eventSize = 2 << 10
	// waitingEvents is how many events wait for others in the last subject.
	waitingEvents = 100_000
)

// eventBody makes an event of Stripe's, whose id is its own.
func eventBody(kind string) []byte {
	const format = `{"id":"evt_%s","object":"event","api_version":"2023-10-16","created":1700000000,"livemode":false,"pending_webhooks":1,"type":%q,` +
		`"request":{"id":null,"idempotency_key":null},"data":{"object":%s}}`
	object := slices.Clone(paymentIntent)
	if missing := eventSize - len(object) - len(format); missing > 0 {
		object = fmt.Appendf(object[:len(object)-1:len(object)-1], `,"note":%q}`, strings.Repeat("x", missing))
	}
	return fmt.Appendf(nil, format, rand.Text(), kind, object)
}

// signedEvent is a message whose every request is another event, signed by now.
func signedEvent(kind string) message {
	return message{path: "/webhooks/stripe", contentType: "application/json", make: func() ([]byte, http.Header) {
		body := eventBody(kind)
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		return body, http.Header{"Stripe-Signature": {"t=" + stamp + ",v1=" + hex.EncodeToString(signStripe(stamp, body))}}
	}}
}

// newEventSender returns a sender of events that must be received, each for the first
// time.
func newEventSender() *sender {
	return newSender(func(body []byte) error {
		var receipt struct{ Received, Duplicate bool }
		if err := json.Unmarshal(body, &receipt); err != nil || !receipt.Received || receipt.Duplicate {
			return fmt.Errorf("an event was not received for the first time: %s", body)
		}
		return nil
	}, func(context.Context) (int64, error) { return 0, nil }, 0)
}

// measureReceive measures how events of a webhook are received, beside the floor
// (receivefloor.go): by an empty gateway, and by one in which waitingEvents wait for
// an event of their key. fsync is Redis's, empty for SQLite.
func measureReceive(ctx context.Context, o options, w io.Writer, name, fsync, dir string, p programs) (err error) {
	var stops []func() error // the last one first
	defer func() {
		for _, stop := range slices.Backward(stops) {
			err = errors.Join(err, stop())
		}
	}()
	var subjects []*subject
	for _, kind := range []string{"floor", "gateway", "waiting"} {
		own := filepath.Join(dir, kind)
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		m := medium{path: filepath.Join(own, "state.db")}
		if fsync != "" {
			url, stop, err := startRedis(ctx, own, fsync)
			if err != nil {
				return err
			}
			stops = append(stops, stop)
			m = medium{url: url}
		}
		var s *subject
		if kind == "floor" {
			s, err = startSelf(ctx, "receivefloor", own, m, "", o.profile)
		} else {
			s, err = startGateway(ctx, kind, p, own, receiveConfig(p, m))
		}
		if err != nil {
			return err
		}
		stops = append(stops, s.stop)
		s.name, s.message = kind, signedEvent("payment_intent.created")
		subjects = append(subjects, s)
	}
	d := newEventSender()
	defer d.close()
	if err := fillWaiting(ctx, d, subjects[2]); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## %s\n\n%s", name, receiveHead)
	for _, callers := range o.callers {
		results, err := d.rounds(ctx, o, callers, subjects)
		if err != nil {
			return err
		}
		reportReceived(w, callers, results)
	}
	return nil
}

// receiveConfig is the config of a gateway that receives. What is of the type of
// waiting events waits for the first of them, which waits for a day.
func receiveConfig(p programs, m medium) map[string]any {
	return map[string]any{
		"credentials": map[string]any{"stripe": map[string]any{"secretKey": callKey, "webhookSecret": receiveSecret}},
		"pluginDirs":  []string{filepath.Join(filepath.Dir(p.backflow), "product")},
		"state":       m.config(),
		"webhooks": []any{
			map[string]any{"name": "stripe-events", "path": "/webhooks/stripe", "provider": "stripe"},
			map[string]any{
				"name": "waiting", "path": "/webhooks/waiting", "provider": "stripe",
				"ordered": map[string]any{"key": "{{payload.type}}", "blockFor": "48h"},
				"actions": []any{map[string]any{"type": "wait", "duration": "24h"}},
			},
		},
	}
}

// fillWaiting sends the events that wait.
func fillWaiting(ctx context.Context, d *sender, s *subject) error {
	waiting := *s
	waiting.message = signedEvent("charge.pending")
	waiting.message.path = "/webhooks/waiting"
	for sent := 0; sent < waitingEvents; {
		latencies, err := d.load(ctx, &waiting, 64, time.Second)
		if err != nil {
			return err
		}
		sent += len(latencies)
	}
	return nil
}

const receiveHead = `| senders | subject | events/s | p50 ms | p99 ms | CPU ms an event | of it the plugin | resident MiB | rate of the floor's |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

// reportReceived writes the medians over the rounds. Each point is held to that of the
// floor in its own round.
func reportReceived(w io.Writer, callers int, results []result) {
	floor := results[0].points
	for _, r := range results {
		ratios := make([]float64, len(r.points))
		for i, p := range r.points {
			ratios[i] = p.rate / floor[i].rate
		}
		slices.Sort(ratios)
		fmt.Fprintf(w, "| %d | %s | %.0f | %.2f | %.2f | %.3f | %.3f | %d | %.2f |\n", callers, r.subject,
			median(r.points, func(p point) float64 { return p.rate }),
			millis(median(r.points, func(p point) time.Duration { return p.p50 })), millis(median(r.points, func(p point) time.Duration { return p.p99 })),
			millis(median(r.points, func(p point) time.Duration { return p.own + p.children })), millis(median(r.points, func(p point) time.Duration { return p.children })),
			median(r.points, func(p point) int64 { return p.resident })>>20, ratios[len(ratios)/2])
	}
}
