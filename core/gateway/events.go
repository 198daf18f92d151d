package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/sdk"
)

// eventQuery are the names that the query of a list of events may have.
var eventQuery = []string{"webhook", "type", "status", "source", "flag", "since", "until", "limit", "cursor"}

// listEvents lists received events, the newest first.
func (x *requestContext) listEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := eventsQuery(x.query)
	if err != nil {
		return err
	}
	found, err := x.services.Events.List(r.Context(), q)
	if err != nil {
		return err
	}
	page := list[eventSummary]{Data: []eventSummary{}}
	for i := range found.Events {
		page.Data = append(page.Data, newEventSummary(&found.Events[i]))
	}
	if found.NextCursor != "" {
		page.NextCursor = &found.NextCursor
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// eventsQuery reads the query of a list of events.
func eventsQuery(query map[string]string) (q event.Query, err error) {
	q = event.Query{Webhook: query["webhook"], Type: query["type"], Source: query["source"], Flag: query["flag"], Cursor: query["cursor"]}
	if statuses := query["status"]; statuses != "" {
		if q.Statuses, err = event.ParseStatuses(statuses); err != nil {
			return q, &apiError{code: codeBadRequest, detail: err.Error()}
		}
	}
	if q.Source != "" && !slices.Contains(event.Sources, q.Source) {
		return q, &apiError{code: codeBadRequest, detail: fmt.Sprintf("source %q is unknown, known are: %s", q.Source, strings.Join(event.Sources, ", "))}
	}
	for name, at := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		text, given := query[name]
		if !given {
			continue
		}
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			return q, &apiError{code: codeBadRequest, detail: name + " must be a time of RFC 3339, such as 2026-01-31T12:00:00Z (a + is written %2B in a query)"}
		}
	}
	if limit, given := query["limit"]; given {
		if q.Limit, err = strconv.Atoi(limit); err != nil || q.Limit < 1 || q.Limit > maxPage {
			return q, &apiError{code: codeBadRequest, detail: fmt.Sprintf("limit must be a whole number from 1 to %d", maxPage)}
		}
	}
	return q, nil
}

// eventRef is the event that the path and the query name.
func (x *requestContext) eventRef() event.Ref {
	return event.Ref{ID: x.argument("event"), Webhook: x.query["webhook"]}
}

// showEvent shows all of an event.
func (x *requestContext) showEvent(w http.ResponseWriter, r *http.Request) error {
	found, err := x.services.Events.Get(r.Context(), x.eventRef())
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, nil, x.eventDetail(&found))
}

// replayJSON is the body of a replay.
type replayJSON struct {
	FromStart bool `json:"fromStart,omitempty"`
}

var replaySchema = newBodySchema(`{"type":"object","additionalProperties":false,"properties":{"fromStart":{"type":"boolean"}}}`)

// replayedJSON is the response to a replay: the event with the run that does it, and the
// run whose place that took.
type replayedJSON struct {
	eventSummary
	RerunOf string `json:"rerunOf,omitempty"`
}

// replayEvent has what was not done of an event be done by the present definition and, if
// asked to, waits for the end of the run that does it.
func (x *requestContext) replayEvent(w http.ResponseWriter, r *http.Request) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	var body replayJSON
	if err := replaySchema.read(c.body, &body); err != nil {
		return err
	}
	ref := x.eventRef()
	// Which event it is, and what its uid is, stays the same for every repeat.
	known, err := x.services.Events.Get(r.Context(), ref)
	if err != nil {
		return err
	}
	uid := known.UID()
	replayed, err := changeOnce(x, w, r, c, uid, func(once engine.Once) (event.View, error) {
		view, err := x.services.Events.Replay(r.Context(), event.ReplayRequest{
			Ref: event.Ref{ID: uid, Webhook: known.Webhook}, FromStart: body.FromStart, By: x.initiator(), RequestID: x.id, Once: once,
		})
		return view, conflictWhileUnknown(err)
	}, func(uid string) (event.View, error) {
		found, err := x.services.Events.Get(r.Context(), event.Ref{ID: uid})
		return found.View, err
	})
	if err != nil {
		return err
	}
	run := x.await(r, replayed.Run, c.wait)
	replayed.Status = event.StatusOf(run.Status)
	status := http.StatusAccepted
	if c.wait > 0 && run.Status.Ended() {
		status = http.StatusOK
	}
	return sendJSON(w, status, eventLocation(uid), replayedJSON{newEventSummary(&replayed), run.RerunOf})
}

func eventLocation(uid string) http.Header {
	return http.Header{"Location": {"/events/" + url.PathEscape(uid)}}
}

// errNoEvent is the response where no event has the id.
func errNoEvent(cause error) *apiError {
	return &apiError{code: sdk.CodeNotFound, detail: "there is no such event, or it is not kept any more", cause: cause}
}
