package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

const (
	// maxKey bounds an idempotency key, characters, and keyLifetime is how long
	// what was done under it is kept
	// (https://docs.stripe.com/api/idempotent_requests).
	maxKey      = 255
	keyLifetime = 24 * time.Hour
)

// keysUnderWay are the idempotency keys of requests that are worked on.
type keysUnderWay struct {
	mu   sync.Mutex // guards keys
	keys map[[2]string]bool
}

// take takes a key of an account, unless another request has it.
func (k *keysUnderWay) take(account, key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := [2]string{account, key}
	if k.keys[id] {
		return false
	}
	if k.keys == nil {
		k.keys = map[[2]string]bool{}
	}
	k.keys[id] = true
	return true
}

func (k *keysUnderWay) release(account, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, [2]string{account, key})
}

// inUse is the response while another request with the key is worked on.
func inUse(key string) *response {
	return refuse(&resource.Refusal{
		Status: http.StatusConflict, Type: resource.IdempotencyError, Code: "idempotency_key_in_use",
		Message: "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): " + key + ". Please try again later.",
	})
}

// fingerprint tells a request from others: method, path and params.
func fingerprint(r *http.Request, params map[string]any) string {
	hash := sha256.New()
	hash.Write([]byte(r.Method + " " + r.URL.EscapedPath() + "\n"))
	_ = json.NewEncoder(hash).Encode(params) // texts, lists and maps of them can be written
	return hex.EncodeToString(hash.Sum(nil))
}

// replay is the response that is kept under the request's key, or the refusal of
// another request under it; nil for a new key.
func (x *exchange) replay(tx *store.Tx, print string) *response {
	if x.key == "" {
		return nil
	}
	kept, ok := tx.Done(x.account, x.key, x.sandbox.clock.Now().Add(-keyLifetime).Unix())
	if !ok {
		return nil
	}
	if kept.Fingerprint != print {
		return refuse(&resource.Refusal{
			Status: http.StatusBadRequest, Type: resource.IdempotencyError,
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + x.key + "' if you meant to execute a different request.",
		})
	}
	var first keptResponse
	if err := json.Unmarshal(kept.Response, &first); err != nil {
		return x.failure()
	}
	done := &response{Status: kept.Status, Header: http.Header{}, Body: first.Body}
	done.Header.Set("Content-Type", first.Type)
	done.Header.Set("Idempotent-Replayed", "true")
	done.Header.Set("Original-Request", first.Request)
	return done
}

// keptResponse is what is kept of a response beside its status.
type keptResponse struct {
	Request string `json:"request"`
	Type    string `json:"type"`
	Body    []byte `json:"body"`
}

// keep records a response under the request's key, if it has one.
func (x *exchange) keep(tx *store.Tx, print string, done *response) {
	if x.key == "" {
		return
	}
	kind := done.Header.Get("Content-Type")
	if kind == "" {
		kind = "application/json"
	}
	raw, err := json.Marshal(keptResponse{Request: x.id, Type: kind, Body: done.Body})
	if err != nil {
		return // texts and bytes can always be written
	}
	now := x.sandbox.clock.Now()
	tx.Keep(store.Done{Account: x.account, Key: x.key, Fingerprint: print, At: now.Unix(), Status: done.Status, Response: raw}, now.Add(-keyLifetime).Unix())
}
