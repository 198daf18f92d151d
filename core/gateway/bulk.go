package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/engine"
)

// createBulk fixes the runs that a filter selects, and changes them unless it is a
// dry run.
func (x *requestContext) createBulk(w http.ResponseWriter, r *http.Request) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	request, err := readBulkRequest(c.body)
	if err != nil {
		return err
	}
	if err := x.caller.authorize(request.Action.Permission()...); err != nil {
		return err
	}
	request.ID, request.RequestID, request.Caller = engine.NewRunID(), x.id, x.bulkCaller()
	b, err := x.changeBulk(w, r, c, request.ID, func(once engine.Once) (bulk.Bulk, error) {
		request.Once = once
		ctx, cancel := context.WithTimeout(r.Context(), x.table.RequestTimeout)
		defer cancel()
		b, err := x.services.Bulks.Create(ctx, request)
		if errors.Is(err, context.DeadlineExceeded) {
			err = tookTooLong(x.table.RequestTimeout, err)
		}
		return b, err
	})
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if request.DryRun {
		status = http.StatusOK
	}
	return x.sendBulk(w, status, b)
}

// bulk returns the bulk that the path names, if the caller may read or write what it
// changes.
func (x *requestContext) bulk(r *http.Request, access string) (bulk.Bulk, error) {
	b, err := x.services.Bulks.Get(r.Context(), x.argument("bulk"))
	if err != nil {
		return b, err
	}
	return b, x.caller.authorize(b.Permission[0], access)
}

// showBulk shows a bulk and how far it is.
func (x *requestContext) showBulk(w http.ResponseWriter, r *http.Request) error {
	b, err := x.bulk(r, "read")
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, nil, x.bulkJSON(b))
}

// listBulkItems shows a page of the runs of a bulk, with what became of them.
func (x *requestContext) listBulkItems(w http.ResponseWriter, r *http.Request) error {
	limit := defaultItems
	if text, given := x.query["limit"]; given {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxItems {
			return &apiError{code: codeBadRequest, detail: fmt.Sprintf("limit must be a whole number from 1 to %d", maxItems)}
		}
	}
	if _, err := x.bulk(r, "read"); err != nil {
		return err
	}
	items, next, err := x.services.Bulks.Items(r.Context(), x.argument("bulk"), x.query["cursor"], limit)
	if err != nil {
		return err
	}
	page := list[bulkItemJSON]{Data: []bulkItemJSON{}}
	for _, item := range items {
		page.Data = append(page.Data, bulkItemJSON(item))
	}
	if next != "" {
		page.NextCursor = &next
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

const (
	// maxItems is the most items of a bulk that a page has, defaultItems how many it
	// has where the request does not say.
	maxItems     = 1000
	defaultItems = 100
)

// pauseBulk stops a running bulk for now.
func (x *requestContext) pauseBulk(w http.ResponseWriter, r *http.Request) error {
	return x.controlBulk(w, r, x.services.Bulks.Pause)
}

// resumeBulk has a bulk run that was previewed or paused.
func (x *requestContext) resumeBulk(w http.ResponseWriter, r *http.Request) error {
	return x.controlBulk(w, r, func(ctx context.Context, id string, once engine.Once) (bulk.Bulk, error) {
		return x.services.Bulks.Resume(ctx, id, x.bulkCaller(), once)
	})
}

// cancelBulk ends a bulk.
func (x *requestContext) cancelBulk(w http.ResponseWriter, r *http.Request) error {
	return x.controlBulk(w, r, x.services.Bulks.Cancel)
}

func (x *requestContext) bulkCaller() bulk.Caller {
	return bulk.Caller{ID: x.caller.id, Name: x.caller.name}
}

// controlBulk changes a bulk by a command that takes nothing but its id.
func (x *requestContext) controlBulk(w http.ResponseWriter, r *http.Request, do func(context.Context, string, engine.Once) (bulk.Bulk, error)) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	if err := c.takesNoBody(""); err != nil {
		return err
	}
	if _, err := x.bulk(r, "write"); err != nil {
		return err
	}
	id := x.argument("bulk")
	b, err := x.changeBulk(w, r, c, id, func(once engine.Once) (bulk.Bulk, error) { return do(r.Context(), id, once) })
	if err != nil {
		return err
	}
	return x.sendBulk(w, http.StatusAccepted, b)
}

// changeBulk makes or changes a bulk, under a key once.
func (x *requestContext) changeBulk(w http.ResponseWriter, r *http.Request, c change, id string, do func(once engine.Once) (bulk.Bulk, error)) (bulk.Bulk, error) {
	return changeOnce(x, w, r, c, id, do, func(id string) (bulk.Bulk, error) { return x.services.Bulks.Get(r.Context(), id) })
}

func (x *requestContext) sendBulk(w http.ResponseWriter, status int, b bulk.Bulk) error {
	return sendJSON(w, status, http.Header{"Location": {"/bulk/" + url.PathEscape(b.ID)}}, x.bulkJSON(b))
}

// May reports whether the caller of an id has, by the present tokens, a scope that
// covers a permission. One that is not known has none.
func (g *Gateway) May(callerID string, permission ...string) bool {
	for _, c := range g.table.Load().auth.callers {
		if c.id == callerID {
			return c.may(permission...)
		}
	}
	return false
}
