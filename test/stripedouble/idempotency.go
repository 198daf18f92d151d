package stripedouble

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// keyLifetime is how long a key is kept.
const keyLifetime = 24 * time.Hour

// record is what is kept under a key.
type record struct {
	fingerprint string
	at          time.Time
	// done is nil while the request is under way.
	done *response
}

// call is a request that came through authentication.
type call struct {
	method, path string
	form         url.Values
	// owner is secret key and account, to which idempotency keys belong.
	owner string
	key   string
}

// secretKey matches secret and restricted keys, of both modes.
var secretKey = regexp.MustCompile(`^(sk|rk)_(test|live)_`)

// newCall reads a request, or returns the refusal.
func newCall(r *http.Request, body []byte) (*call, *response) {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !secretKey.MatchString(secret) {
		return nil, refuse(http.StatusUnauthorized, stripeError{
			Type: "invalid_request_error", Message: "Invalid API Key provided",
		})
	}
	text := string(body)
	if r.Method == http.MethodGet {
		text = r.URL.RawQuery
	}
	form, err := url.ParseQuery(text)
	if err != nil {
		return nil, invalid("", "", "Invalid form encoding")
	}
	c := &call{
		method: r.Method, path: r.URL.EscapedPath(), form: form,
		owner: secret + "\x00" + r.Header.Get("Stripe-Account"),
		key:   r.Header.Get("Idempotency-Key"),
	}
	if len(c.key) > 255 {
		return nil, invalid("", "", "Idempotency keys may be at most 255 characters")
	}
	return c, nil
}

func (c *call) fingerprint() string { return c.method + " " + c.path + "?" + c.form.Encode() }

// once does a call, or returns the response of before.
func (d *Double) once(c *call, fault Fault) *response {
	if c.method != http.MethodPost || c.key == "" {
		fault.wait(Slow)
		return d.execute(c, fault)
	}
	id := c.owner + "\x00" + c.key
	if known := d.begin(id, c); known != nil {
		known.key = c.key
		return known
	}
	fault.wait(Slow)
	done := d.execute(c, fault)
	done.key = c.key

	d.mu.Lock()
	defer d.mu.Unlock()
	if done.began {
		kept := *done
		kept.replayed = true
		d.keys[id].done = &kept
	} else {
		delete(d.keys, id)
	}
	return done
}

// begin returns what is known of a key, or makes its record and returns nil.
func (d *Double) begin(id string, c *call) *response {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept, ok := d.keys[id]
	if !ok || kept.done != nil && d.now().Sub(kept.at) >= keyLifetime {
		d.keys[id] = &record{fingerprint: c.fingerprint(), at: d.now()}
		return nil
	}
	switch {
	case kept.fingerprint != c.fingerprint():
		return refuse(http.StatusBadRequest, stripeError{
			Type:    "idempotency_error",
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with.",
		})
	case kept.done == nil:
		return refuse(http.StatusConflict, stripeError{
			Type: "idempotency_error", Code: "idempotency_key_in_use",
			Message: "There is currently another in-progress request using this idempotency key.",
		})
	}
	replay := *kept.done
	return &replay
}
