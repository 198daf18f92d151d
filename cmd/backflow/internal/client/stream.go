package client

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
	// silenceTimeout is how long a stream may be silent before it is taken for
	// dead: several times as long as a gateway leaves it silent.
	silenceTimeout = 90 * time.Second
	// reconnectTimeout is how long a gateway may be unreachable, such as during a
	// restart.
	reconnectTimeout = 2 * time.Minute
)

// streamEvent is one event of a stream (server-sent events, as the HTML
// standard defines them).
type streamEvent struct {
	id   string
	data json.RawMessage
}

// Watcher receives what happens in a run, or to events.
type Watcher interface {
	// Event takes each event, once and in order. Its error ends the watching.
	Event(event json.RawMessage) error
	// Away is called when the gateway cannot be reached, before each further try.
	Away(err error)
	// Back is called when it has responded.
	Back()
}

// Follow shows a run to a watcher until it has ended, and returns the run as it is
// then. A stream that breaks goes on after the last event that arrived. A gateway
// that has never responded is an error at once, one that did may be away for
// reconnectTimeout.
func (c *Client) Follow(ctx context.Context, id string, watcher Watcher) (json.RawMessage, error) {
	path := "/runs/" + url.PathEscape(id)
	last, ended := "", false
	for failures := 1; ; failures++ {
		progressed := false
		err := c.stream(ctx, path+"/stream", last, watcher.Back, func(event streamEvent) error {
			progressed, failures = true, 0
			last, ended = event.id, typeOf(event.data) == workflow.EventEnded
			return watcher.Event(event.data)
		})
		// A stream that ends by itself is complete, or its gateway stops.
		if err == nil {
			var run json.RawMessage
			if err = c.Get(ctx, path, &run); err == nil && hasEnded(run) && (ended || !progressed) {
				return run, nil
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted; the run goes on (backflow runs watch %s)", id)
		}
		if err := c.reconnect(ctx, err, failures, watcher); err != nil {
			return nil, err
		}
	}
}

// Tail shows what happens to events to a watcher until ctx ends, whose error it returns. A
// stream that breaks goes on as that of Follow does.
func (c *Client) Tail(ctx context.Context, query url.Values, watcher Watcher) error {
	path, last := "/events/stream", ""
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	for failures := 1; ; failures++ {
		err := c.stream(ctx, path, last, watcher.Back, func(event streamEvent) error {
			last, failures = event.id, 0
			return watcher.Event(event.data)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.reconnect(ctx, err, failures, watcher); err != nil {
			return err
		}
	}
}

// reconnect waits until a stream that broke or ended, nil, is to be opened again. It
// returns the error of one that is not.
func (c *Client) reconnect(ctx context.Context, err error, failures int, watcher Watcher) error {
	failed, unhandled := errors.AsType[*handlerError](err)
	switch {
	case unhandled:
		return failed.error
	case err != nil && (!transient(err) || c.awayFor() > reconnectTimeout):
		return err
	case err != nil:
		watcher.Away(err)
	}
	_ = backoff.Sleep(ctx, requestWait.After(max(failures, 1))) // the next attempt sees the end of the context
	return nil
}

// typeOf reads the type of an event.
func typeOf(event json.RawMessage) workflow.EventType {
	var e struct {
		Type workflow.EventType `json:"type"`
	}
	if json.Unmarshal(event, &e) != nil {
		return ""
	}
	return e.Type
}

// statusOf reads the status of a run.
func statusOf(run json.RawMessage) workflow.RunStatus {
	var r struct {
		Status workflow.RunStatus `json:"status"`
	}
	if json.Unmarshal(run, &r) != nil {
		return ""
	}
	return r.Status
}

// hasEnded reports whether a run goes no further by itself.
func hasEnded(run json.RawMessage) bool { return statusOf(run).Ended() }

// awaitStep is how long one request waits for a run before it is sent again.
const awaitStep = 20 * time.Second

// Await waits for the run that a key has started at a path, and returns it.
func (c *Client) Await(ctx context.Context, path, key string, input []byte) (json.RawMessage, error) {
	for {
		var run json.RawMessage
		if err := c.do(ctx, http.MethodPost, path+"?wait="+awaitStep.String(), keyHeader(key), input, awaitStep, &run); err != nil {
			return nil, err
		}
		if hasEnded(run) {
			return run, nil
		}
	}
}

// handlerError is an error of the handler of events, as against one of the stream.
type handlerError struct{ error }

// stream reads the events after one of them, "" for all, until the gateway ends
// the stream, which is no error. Opened is called once it begins.
func (c *Client) stream(parent context.Context, path, after string, opened func(), handle func(streamEvent) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	silence := time.AfterFunc(silenceTimeout, cancel)
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
	case http.StatusNoContent: // the run has ended, and there is no event after that one
		return nil
	default:
		data, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
		if err != nil {
			return c.unreachable(parent, err)
		}
		return c.problemOf(res, data)
	}
	received := func() {
		silence.Reset(silenceTimeout)
		c.seen()
	}
	received()
	opened()
	err = readStream(res.Body, received, handle)
	if _, unhandled := errors.AsType[*handlerError](err); err == nil || unhandled {
		return err
	}
	return c.unreachable(parent, err)
}

// readStream reads server-sent events to the end of the stream. Received is called
// for every line, of which some only show that the gateway lives. An event that is
// cut off is ignored.
func readStream(r io.Reader, received func(), handle func(streamEvent) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxResponse)
	var event streamEvent
	for lines.Scan() {
		received()
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // the end of an event, or a comment
			if len(lines.Bytes()) == 0 && event.data != nil {
				if err := handle(event); err != nil {
					return &handlerError{err}
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
