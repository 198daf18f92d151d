package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// receiveFloor is the least that an event of a webhook costs: it comes over HTTP, its
// signature is checked as Stripe says (https://docs.stripe.com/webhooks#verify-manually),
// it is read, and made durable before the response. Nothing is looked up, no run is
// made, and the same event twice is two.
type receiveFloor struct{ journal journal }

func serveReceiveFloor(ctx context.Context, listener net.Listener, m medium) error {
	journal, err := m.journal()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /", &receiveFloor{journal})
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	return errors.Join(serveHTTP(ctx, listener, mux), journal.close())
}

func (f *receiveFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := f.receive(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no answer.
	_ = json.NewEncoder(w).Encode(map[string]any{"received": true, "id": id})
}

func (f *receiveFloor) receive(w http.ResponseWriter, r *http.Request) (id string, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if err := checkStripe(r.Header.Get("Stripe-Signature"), body, time.Now()); err != nil {
		return "", err
	}
	var event struct {
		ID, Type string
		Data     map[string]any
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return "", err
	}
	return event.ID, f.journal.append(event.ID, 0, body)
}

// checkStripe checks a signature header.
func checkStripe(header string, body []byte, now time.Time) error {
	var stamp string
	var signatures []string
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			stamp = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return errors.New("the time of the signature is wrong")
	}
	want := signStripe(stamp, body)
	for _, signature := range signatures {
		if got, err := hex.DecodeString(signature); err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("no signature matches")
}

// signStripe returns what the signature of a body is.
func signStripe(stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(receiveSecret))
	mac.Write([]byte(stamp))
	mac.Write([]byte("."))
	mac.Write(body)
	return mac.Sum(nil)
}
