package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/workflow"
)

const (
	// streamSilence is how long a stream may say nothing before it is taken for
	// dead: several times as long as a gateway leaves it silent.
	streamSilence = 90 * time.Second
	// streamPatience is how long a gateway may be out of reach, such as while
	// it is started anew.
	streamPatience = 2 * time.Minute
)

// streamEvent is one event of a stream (server-sent events, as the HTML
// standard defines them).
type streamEvent struct {
	id   string
	data json.RawMessage
}

// follow hands each event of a run to tell, once and in order, until the run
// has ended, and answers the run as it is then. A stream that breaks goes on
// after the last event that arrived.
func (c *client) follow(ctx context.Context, id string, tell func(json.RawMessage) error) (json.RawMessage, error) {
	path := "/runs/" + url.PathEscape(id)
	last, ended := "", false
	reached, failures := time.Now(), 0
	for {
		brought := false
		heard := func() { reached = time.Now() }
		err := c.stream(ctx, path+"/stream", last, heard, func(event streamEvent) error {
			brought, failures = true, 0
			last, ended = event.id, stringField(event.data, "type") == string(workflow.EventEnded)
			return tell(event.data)
		})
		// A stream that ends by itself has told everything, or its gateway stops.
		if err == nil {
			var run json.RawMessage
			if err = c.do(ctx, http.MethodGet, path, nil, nil, 0, &run); err == nil {
				heard()
				if hasEnded(run) && (ended || !brought) {
					return run, nil
				}
			}
		}
		broken, unheard := errors.AsType[*deaf](err)
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("interrupted; the run goes on (backflow runs watch %s)", id)
		case unheard:
			return nil, broken.error
		case err != nil && (!transient(err) || time.Since(reached) > streamPatience):
			return nil, err
		}
		failures++
		_ = backoff.Sleep(ctx, requestWait.After(failures)) // the next attempt sees the end of the context
	}
}

// hasEnded reports whether a run goes no further by itself.
func hasEnded(run json.RawMessage) bool {
	return workflow.RunStatus(stringField(run, "status")).Ended()
}

// deaf is the error of whoever was told, as against one of the stream.
type deaf struct{ error }

// stream reads the events after one of them, "" for all, until the gateway ends
// the stream, which is no error. Heard is called whenever the gateway shows that
// it lives.
func (c *client) stream(ctx context.Context, path, after string, heard func(), tell func(streamEvent) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	headers := map[string]string{"Accept": "text/event-stream"}
	if after != "" {
		headers["Last-Event-ID"] = after
	}
	res, err := c.send(ctx, http.MethodGet, path, headers, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read to its end, or is of no more use
	switch res.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent: // the run has ended, and all was told
		return nil
	default:
		data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("gateway at %s: %w", c.address, err)
		}
		return problemOf(res, data)
	}
	lives := func() {
		silence.Reset(streamSilence)
		heard()
	}
	lives()
	if err := readStream(res.Body, lives, tell); err != nil {
		return fmt.Errorf("gateway at %s: %w", c.address, err)
	}
	return nil
}

// readStream reads server-sent events to the end of the stream. Heard is called
// for every line, of which some only show that the gateway lives. An event that
// is cut off is none.
func readStream(r io.Reader, heard func(), tell func(streamEvent) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxAnswer)
	var event streamEvent
	for lines.Scan() {
		heard()
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // the end of an event, or a comment
			if len(lines.Bytes()) == 0 && event.data != nil {
				if err := tell(event); err != nil {
					return &deaf{err}
				}
				event.data = nil
			}
		case "id": // holds until there is another
			event.id = string(value)
		case "data":
			if event.data != nil {
				event.data = append(event.data, '\n')
			}
			event.data = append(event.data, value...)
		}
	}
	return lines.Err()
}

// stringField reads a string member of a JSON object; "" where there is none.
func stringField(object []byte, name string) string {
	var members map[string]json.RawMessage
	var text string
	if json.Unmarshal(object, &members) != nil || json.Unmarshal(members[name], &text) != nil {
		return ""
	}
	return text
}
