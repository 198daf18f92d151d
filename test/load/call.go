package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// callKey is the secret key that the plugin is configured with.
const callKey = "sk_test_load0123456789abcdef"

// createPaymentIntent is the body of the call, for the gateway and for the floor.
const createPaymentIntent = `{"amount":2000,"currency":"usd","customer":"cus_9s6XKzkNRiz8i3","description":"Order 6735: 2 shirts, 1 pair of shoes, gift wrapped",` +
	`"receipt_email":"jenny.rosen@example.com","automatic_payment_methods":{"enabled":true},"metadata":{"order_id":"6735","shop":"amsterdam-1"}}`

// createPaymentIntentForm is the same as the upstream takes it.
const createPaymentIntentForm = `amount=2000&currency=usd&customer=cus_9s6XKzkNRiz8i3&description=Order+6735%3A+2+shirts%2C+1+pair+of+shoes%2C+gift+wrapped` +
	`&receipt_email=jenny.rosen%40example.com&automatic_payment_methods[enabled]=true&metadata[order_id]=6735&metadata[shop]=amsterdam-1`

// measureCall measures the path of one call: createPaymentIntent of the Stripe plugin,
// beside the floor of a call (callfloor.go) and beside a direct call of the upstream.
func measureCall(ctx context.Context, o options, w io.Writer, dir string, p programs) (err error) {
	subjects, stop, err := startCallSubjects(ctx, o, dir, p)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	d := newCallSender(subjects[1].url)
	defer d.close()
	fmt.Fprintf(w, "\n## call\n\n%s", callHead)
	for _, callers := range o.callers {
		results, err := d.rounds(ctx, o, callers, subjects)
		if err != nil {
			return err
		}
		reportCalls(w, callers, results)
	}
	return nil
}

// startCallSubjects starts what is measured: the floor, the upstream itself, and the
// gateway, which is called without a key and with one. What stop ends has not all been
// started where there is an error.
func startCallSubjects(ctx context.Context, o options, dir string, p programs) (subjects []*subject, stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, stop := range slices.Backward(stops) {
			errs = append(errs, stop())
		}
		return errors.Join(errs...)
	}
	upstream, err := startSelf(ctx, "upstream", dir, medium{}, "", "")
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, upstream.stop)
	upstream.name = "direct"
	upstream.message = message{path: paymentIntentsPath, contentType: "application/x-www-form-urlencoded", body: []byte(createPaymentIntentForm)}

	floor, err := startSelf(ctx, "callfloor", dir, medium{path: filepath.Join(dir, "callfloor.sock")}, upstream.url+paymentIntentsPath, o.profile)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, floor.stop)
	floor.name = "floor"
	floor.message = message{path: "/", contentType: "application/json", body: []byte(createPaymentIntent)}

	own := filepath.Join(dir, "gateway")
	if err := os.Mkdir(own, 0o700); err != nil {
		return nil, stop, err
	}
	gateway, err := startGateway(ctx, "gateway", p, own, map[string]any{
		"credentials": map[string]any{"stripe": map[string]any{
			"secretKey": callKey, "webhookSecret": "whsec_load0123456789abcdef", "apiBase": upstream.url,
		}},
		"pluginDirs": []string{filepath.Join(filepath.Dir(p.backflow), "product")},
		"state":      medium{path: filepath.Join(own, "state.db")}.config(),
	})
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, gateway.stop)
	gateway.message = message{path: "/integrations/stripe/payment-intents", contentType: "application/json", body: []byte(createPaymentIntent)}
	keyed := *gateway
	keyed.name, keyed.message.keyed = "with a key", true
	return []*subject{floor, upstream, gateway, &keyed}, stop, nil
}

// newCallSender returns a sender of calls that must come back with the payment intent,
// to its last byte.
func newCallSender(upstreamURL string) *sender {
	return newSender(func(body []byte) error {
		if !bytes.Equal(body, paymentIntent) {
			return fmt.Errorf("the response is not the upstream's: %s", body)
		}
		return nil
	}, func(ctx context.Context) (int64, error) { return upstreamCalls(ctx, upstreamURL) }, 1)
}

const callHead = `| callers | subject | calls/s | p50 ms | p99 ms | CPU ms a call | of it the second process | floor's rate over this | CPU over floor's | p50 ms over direct's |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`

// reportCalls is report for calls: the first result is the floor, the second the direct
// call. Each point is held to those of its own round: what the machine did meanwhile
// strikes them alike. The processor time of what is called directly is the upstream's,
// and is not shown.
func reportCalls(w io.Writer, callers int, results []result) {
	rate := func(p point) float64 { return p.rate }
	p50 := func(p point) time.Duration { return p.p50 }
	cpu := func(p point) time.Duration { return p.own + p.children }
	floor, direct := results[0].points, results[1].points
	for i, r := range results {
		beside := func(ratio func(other, own point) float64, others []point) float64 {
			ratios := make([]float64, len(others))
			for round, other := range others {
				ratios[round] = ratio(other, r.points[round])
			}
			slices.Sort(ratios)
			return ratios[len(ratios)/2]
		}
		used, ratio := " | ", ""
		if i != 1 {
			used = fmt.Sprintf("%.3f | %.3f", millis(median(r.points, cpu)), millis(median(r.points, func(p point) time.Duration { return p.children })))
			ratio = fmt.Sprintf("%.2f", beside(func(floor, own point) float64 { return float64(cpu(own)) / float64(cpu(floor)) }, floor))
		}
		fmt.Fprintf(w, "| %d | %s | %.0f | %.2f | %.2f | %s | %.2f | %s | %.2f |\n", callers, r.subject,
			median(r.points, rate), millis(median(r.points, p50)), millis(median(r.points, func(p point) time.Duration { return p.p99 })),
			used, beside(func(floor, own point) float64 { return floor.rate / own.rate }, floor), ratio,
			beside(func(direct, own point) float64 { return millis(own.p50 - direct.p50) }, direct))
	}
}
