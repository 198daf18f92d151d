package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// vendorKey is what the vendor signs with, wrongKey another's.
var (
	vendorKey = []byte("the key of the vendor, 32 bytes.")
	wrongKey  = []byte("the key of somebody else, others")
)

// vendor is a double of one that signs its webhooks by Standard Webhooks and lists its
// events, the youngest first.
//
// It leaves out: repeated deliveries (an event is sent once or never, so that all that
// is missing has to be found in the list), any retention of the list, types that the
// list has and webhooks have not, and authentication of the list.
type vendor struct {
	t   *testing.T
	url string

	mu     sync.Mutex
	events []vendorEvent
	// lists counts the calls of the list, failures those that were spoiled.
	lists, failures int
	// unruly has the list respond with 429, 500 and pages that are repeated, once in
	// about so many calls; 0: never.
	unruly int
	broken bool // the list refuses every call
}

type vendorEvent struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Created time.Time `json:"created"`
	Amount  int       `json:"amount"`
}

func newVendor(t *testing.T) *vendor {
	v := &vendor{t: t}
	server := httptest.NewServer(http.HandlerFunc(v.list))
	t.Cleanup(server.Close)
	v.url = server.URL
	return v
}

// make makes an event.
func (v *vendor) make(id string) vendorEvent {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := vendorEvent{ID: id, Type: "order.paid", Created: time.Now().UTC(), Amount: len(v.events) + 1}
	v.events = append(v.events, e)
	return e
}

// send sends an event to a gateway, and returns the status; 0 where none is there.
func (v *vendor) send(url string, e vendorEvent, key []byte) int {
	body, err := json.Marshal(e)
	if err != nil {
		v.t.Error(err)
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", e.ID, at, body)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/shop", strings.NewReader(string(body)))
	if err != nil {
		v.t.Error(err)
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Webhook-Id", e.ID)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	if err := res.Body.Close(); err != nil {
		v.t.Error(err)
	}
	return res.StatusCode
}

// list is GET /events?since=&until=&cursor=&limit=.
func (v *vendor) list(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	query := r.URL.Query()
	since, err1 := time.Parse(time.RFC3339, query.Get("since"))
	until, err2 := time.Parse(time.RFC3339, query.Get("until"))
	limit, err3 := strconv.Atoi(query.Get("limit"))
	if err1 != nil || err2 != nil || err3 != nil {
		v.t.Errorf("the list was asked for with %v", query)
	}
	if v.lists++; v.broken {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if v.unruly > 0 && v.lists%v.unruly == 4 {
		v.failures++
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if v.unruly > 0 && v.lists%(v.unruly+2) == 7 {
		v.failures++
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	// A cursor is the id of the last event of the page before.
	page := struct {
		Data       []vendorEvent `json:"data"`
		NextCursor *string       `json:"nextCursor"`
	}{Data: []vendorEvent{}}
	last := query.Get("cursor")
	from := len(v.events)
	if last != "" {
		from = slices.IndexFunc(v.events, func(e vendorEvent) bool { return e.ID == last })
	}
	if v.unruly > 0 && v.lists%(v.unruly-2) == 5 { // the page before comes again, in part
		from = min(from+limit/2, len(v.events))
	}
	for i := from - 1; i >= 0; i-- {
		e := v.events[i]
		if e.Created.Before(since) || !e.Created.Before(until) {
			continue
		}
		if len(page.Data) == limit {
			page.NextCursor = &page.Data[limit-1].ID
			break
		}
		page.Data = append(page.Data, e)
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(page); err != nil {
		v.t.Error(err)
	}
}

// config is that of a gateway that receives the vendor's events into a database, with
// further keys of the webhook.
func (v *vendor) config(state, database, plugins, keys string) string {
	return fmt.Sprintf(`{
  "state": { "url": %q },
  "credentials": { "database": { "url": %q, "migrations": "migrations" } },
  "pluginDirs": [%q],
  "auth": { "tokens": [{ "name": "shop", "hash": %q, "scopes": ["*"] }] },
  "customIntegrations": [{ "name": "vendor", "baseUrl": %q, "actions": { "listEvents": {
    "method": "GET", "path": "/events",
    "query": { "since": "{{params.since}}", "until": "{{params.until}}", "cursor": "{{params.cursor?}}", "limit": "{{params.limit}}" }
  } } }],
  "webhooks": [{
    "name": "shop", "path": "/webhooks/shop", "provider": "standard", "secret": "whsec_%s",
    "actions": [{ "type": "database", "action": "insert", "params": {
      "table": "payments", "data": { "stripe_id": "{{payload.id}}", "amount": "{{payload.amount}}" } } }]%s
  }]
}`, state, database, plugins, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(apiToken))), v.url, base64.StdEncoding.EncodeToString(vendorKey), keys)
}

// listOf is the key "from" of the vendor's list.
const listOf = `"from": { "integration": "vendor", "action": "listEvents", "params": { "since": "{{since}}", "until": "{{until}}", "cursor": "{{cursor?}}", "limit": "{{limit}}" } }`
