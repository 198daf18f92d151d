package gateway

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
)

// follow opens a stream of events; next returns what it sends next, as "EVENT ID" with
// the id for Last-Event-ID.
func (h *harness) follow(query, after string) (next func() (what, id string), stop func()) {
	h.t.Helper()
	server := httptest.NewServer(h)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/events/stream?"+query, nil)
	must(h.t, err)
	r.Header.Set("Authorization", "Bearer "+fullToken)
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	response, err := server.Client().Do(r)
	must(h.t, err)
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("status %d", response.StatusCode)
	}
	reader := bufio.NewReader(response.Body)
	if line, err := reader.ReadString('\n'); err != nil || !strings.HasPrefix(line, ":") {
		h.t.Fatalf("it begins with %q, %v", line, err)
	}
	return func() (what, id string) {
			h.t.Helper()
			for {
				line, err := reader.ReadString('\n')
				must(h.t, err)
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				switch name {
				case "id":
					id = value
				case "event":
					what = value
				case "data":
					doc := fields(h.t, []byte(value))
					if doc["status"] != what || doc["uid"] == nil {
						h.t.Errorf("a change to %s has %s", what, value)
					}
					return what + " " + doc["id"].(string), id
				}
			}
		}, func() {
			cancel()
			_ = response.Body.Close()
			server.Close()
		}
}

func TestAStreamOfEventsHasEachReceiptAndEachChange(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.deliver("before")
	h.event("before", "processed")
	next, stop := h.follow("", "")
	want := func(what ...string) (id string) {
		t.Helper()
		var got []string
		for range what {
			var one string
			one, id = next()
			got = append(got, one)
		}
		slices.Sort(got)
		slices.Sort(what)
		if !slices.Equal(got, what) {
			t.Errorf("the stream has %v, want %v", got, what)
		}
		return id
	}
	h.deliver("evt_1")
	want("received evt_1", "processed evt_1")
	h.declines()
	h.deliver("evt_2")
	want("received evt_2", "failed evt_2")
	h.integration.succeeds(`{}`)
	h.deliver("evt_2") // it is resumed
	testkit.Eventually(t, 20*time.Second, "the repair is seen", func() bool {
		what, _ := next()
		return what == "processed evt_2"
	})
	h.defineActions(`[{"id":"w","type":"waitForEvent","event":"go"}]`)
	h.deliver("evt_3")
	id := want("received evt_3")
	stop()

	// Who comes back gets what has happened meanwhile.
	run := h.event("evt_3", "received")["run"].(string)
	wantStatus(t, h.send("POST", "/runs/"+run+"/signals/go", `{}`), 202)
	h.event("evt_3", "processed")
	h.defineActions(`[]`)
	for i := range 300 {
		h.deliver(fmt.Sprintf("evt/%d", i))
	}
	h.event("evt/299", "processed")
	next, stop = h.follow("", id)
	defer stop()
	counts := map[string]int{}
	for range 601 {
		what, _ := next()
		counts[what]++
	}
	if counts["processed evt_3"] != 1 || counts["received evt/0"] != 1 || counts["processed evt/299"] != 1 || len(counts) != 601 {
		t.Errorf("%d changes, of evt_3 %d", len(counts), counts["processed evt_3"])
	}
}

func TestAStreamOfEventsHasOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	failed, stopFailed := h.follow("status=failed&type=pa*&webhook=events", "")
	defer stopFailed()
	h.deliver("good")
	h.event("good", "processed")
	h.declines()
	h.deliver("bad")
	if what, _ := failed(); what != "failed bad" {
		t.Errorf("the stream has %s", what)
	}
	for _, query := range []string{"status=lost", "since=1h", "limit=1"} {
		wantStatus(t, h.send("GET", "/events/stream?"+query, ""), 400)
	}
	for _, id := range []string{"enp6eg.1", "x", "!.1", ".1", "YQ.x"} {
		wantStatus(t, h.send("GET", "/events/stream", "", "Last-Event-ID: "+id), 400)
	}
}
