package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runGateway responds for one run, as a script says.
type runGateway struct {
	streams []func(w http.ResponseWriter) // one for each time that the stream is opened
	status  []string                      // of the run, one for each time that it is asked for; the last one stays
	after   []string                      // Last-Event-ID of each stream
}

func (g *runGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/runs/r1/stream":
		g.after = append(g.after, r.Header.Get("Last-Event-ID"))
		next := g.streams[0]
		g.streams = g.streams[1:]
		next(w)
	case "/runs/r1":
		status := g.status[0]
		if len(g.status) > 1 {
			g.status = g.status[1:]
		}
		fmt.Fprintf(w, `{"id":"r1","workflow":"w","status":%q}`, status)
	default:
		refuse(404)(w)
	}
}

// says is a stream of events, by id and type.
func says(events ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range events {
			id, kind, _ := strings.Cut(event, " ")
			fmt.Fprintf(w, ": here\n\nid: %s\ndata: {\"type\":%q,\ndata: \"path\":\"a\"}\n\n", id, kind)
		}
	}
}

// cut is a stream that breaks in the middle of an event.
func cut(events ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		says(events...)(w)
		fmt.Fprint(w, "id: 9.9\ndata: {\"type\":\"never\"")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func refuse(status int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"title":"refused","status":%d}`, status)
	}
}

// handler is a watcher of events alone.
type handler func(json.RawMessage) error

func (h handler) Event(data json.RawMessage) error { return h(data) }
func (handler) Away(error)                         {}
func (handler) Back()                              {}

func TestAStreamThatBreaksGoesOnWhereItWas(t *testing.T) {
	for name, c := range map[string]struct {
		gateway       runGateway
		events, after []string
	}{
		"in one go": {
			runGateway{streams: []func(http.ResponseWriter){says("0.0 started", "1.0 ended")}, status: []string{"failed"}},
			[]string{"started", "ended"}, []string{""},
		},
		"cut": {
			runGateway{streams: []func(http.ResponseWriter){cut("0.0 started", "0.1 scheduled"), refuse(503), says("1.0 succeeded", "1.1 ended")}, status: []string{"succeeded"}},
			[]string{"started", "scheduled", "succeeded", "ended"}, []string{"", "0.1", "0.1"},
		},
		"cut before anything": {
			runGateway{streams: []func(http.ResponseWriter){cut(), says("0.0 ended")}, status: []string{"succeeded"}},
			[]string{"ended"}, []string{"", ""},
		},
		"the gateway stops": {
			runGateway{streams: []func(http.ResponseWriter){says("0.0 started"), says("1.0 ended")}, status: []string{"queued", "cancelled"}},
			[]string{"started", "ended"}, []string{"", "0.0"},
		},
		"the gateway stops and the run ends": {
			runGateway{streams: []func(http.ResponseWriter){says("0.0 started"), says("1.0 ended")}, status: []string{"succeeded"}},
			[]string{"started", "ended"}, []string{"", "0.0"},
		},
		"no event is left": {
			runGateway{streams: []func(http.ResponseWriter){cut("0.0 started", "1.0 ended"), func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }}, status: []string{"succeeded"}},
			[]string{"started", "ended"}, []string{"", "1.0"},
		},
		"a run that was retried": {
			runGateway{streams: []func(http.ResponseWriter){says("0.0 ended", "1.0 retry"), says("2.0 ended")}, status: []string{"running", "succeeded"}},
			[]string{"ended", "retry", "ended"}, []string{"", "1.0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(&c.gateway)
			defer server.Close()
			var events []string
			run, err := (&Client{Address: server.URL}).Follow(t.Context(), "r1", handler(func(data json.RawMessage) error {
				events = append(events, string(typeOf(data)))
				return nil
			}))
			if err != nil || !hasEnded(run) {
				t.Errorf("the run is %s, %v", run, err)
			}
			if diff := cmp.Diff(c.events, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.after, c.gateway.after); diff != "" {
				t.Errorf("Last-Event-ID (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFollowingGivesUpWhereItIsOfNoUse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&runGateway{streams: []func(http.ResponseWriter){refuse(403), says("0.0 started")}})
	defer server.Close()
	c := &Client{Address: server.URL}
	_, err := c.Follow(t.Context(), "r1", handler(nil))
	if refused, ok := errors.AsType[*Problem](err); !ok || refused.Status != 403 {
		t.Errorf("refused: %v", err)
	}
	full := errors.New("the disk is full")
	if _, err = c.Follow(t.Context(), "r1", handler(func(json.RawMessage) error { return full })); !errors.Is(err, full) {
		t.Errorf("the handler fails: %v", err)
	}
}
