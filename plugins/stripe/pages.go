package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/backflow/backflow/plugins/stripe/internal/api"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
)

const (
	// maxListed bounds the objects that are read of a list page after page.
	maxListed = 10_000
	// maxListedBytes bounds their text, in bytes.
	maxListedBytes = 16 << 20
	// pageSize is the most that Stripe gives at once
	// (https://docs.stripe.com/api/pagination).
	pageSize = 100
)

// page is what is read of one page of a list.
type page struct {
	raw     json.RawMessage
	Data    []json.RawMessage `json:"data"`
	HasMore bool              `json:"has_more"`
	// NextPage is the cursor of a search, NextPageURL that of a list of /v2.
	NextPage    string `json:"next_page"`
	NextPageURL string `json:"next_page_url"`
}

// readAll reads a list page after page and returns it as one list: the objects of all
// pages in what else the last page says, so that its has_more and its cursor say how
// to go on where the bounds are reached. A page that cannot be read is the error of
// the whole: a list is never shorter than it says.
func (r *request) readAll(ctx context.Context, operation *openapi.Operation) (sdk.Result, error) {
	takes, err := operation.Params()
	if err != nil {
		return sdk.Result{}, err
	}
	if r.params.Has("ending_before") {
		return sdk.Result{}, &form.Fault{Pointer: "/ending_before", Message: "all goes forward: from starting_after, or from the beginning"}
	}
	if !r.params.Has("limit") {
		r.params.Set("limit", json.RawMessage(strconv.Itoa(pageSize)))
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, api.DefaultTimeout)
		defer cancel()
	}
	var list pages
	for {
		result, err := r.send(ctx, operation, r.params, "")
		if err != nil {
			return sdk.Result{}, err
		}
		read := page{raw: result.Body}
		if err := json.Unmarshal(result.Body, &read); err != nil || read.Data == nil {
			return sdk.Result{}, sdk.Fail(sdk.CodeUpstream, "what Stripe answered is not a page of a list")
		}
		if !list.add(read) {
			break
		}
		name, cursor, err := read.next(takes.Paged())
		if err != nil {
			return sdk.Result{}, err
		}
		if cursor == "" || list.full() {
			break
		}
		text, err := json.Marshal(cursor)
		if err != nil {
			return sdk.Result{}, err
		}
		if bytes.Equal(r.params.Take(name), text) {
			// It would be this page again, and again.
			return sdk.Result{}, sdk.Fail(sdk.CodeUpstream, "the page of the list that Stripe answered leads to itself")
		}
		r.params.Set(name, text)
	}
	body, err := list.join()
	return sdk.Result{Body: body}, err
}

// next returns the param that asks for the following page, and its value, empty if
// this page is the last.
func (p *page) next(paged openapi.Paged) (name, cursor string, err error) {
	switch paged {
	case openapi.PagedByToken:
		if p.HasMore {
			cursor = p.NextPage
		}
		return "page", cursor, nil
	case openapi.PagedByURL:
		if p.NextPageURL == "" {
			return "page", "", nil
		}
		following, err := url.Parse(p.NextPageURL)
		if err != nil || following.Query().Get("page") == "" {
			return "", "", sdk.Fail(sdk.CodeUpstream, "what Stripe answered names no following page")
		}
		return "page", following.Query().Get("page"), nil
	}
	if !p.HasMore || len(p.Data) == 0 {
		return "starting_after", "", nil
	}
	var last struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(p.Data[len(p.Data)-1], &last); err != nil || last.ID == "" {
		return "", "", sdk.Fail(sdk.CodeUpstream, "an object of the list that Stripe answered has no id to go on from")
	}
	return "starting_after", last.ID, nil
}

// pages are the pages of a list that were read.
type pages struct {
	data [][]byte
	size int // of data, in bytes
	last page
}

// add adds a page. It reports false for one that no longer fits: the list then ends
// before it.
func (l *pages) add(read page) bool {
	size := 0
	for _, item := range read.Data {
		size += len(item) + 1
	}
	if len(l.data) > 0 && l.size+size > maxListedBytes {
		return false
	}
	for _, item := range read.Data {
		l.data = append(l.data, item)
	}
	l.size += size
	l.last = read
	return true
}

// full reports whether another page may not fit.
func (l *pages) full() bool { return len(l.data)+pageSize > maxListed }

// join writes the last page with the objects of all pages.
func (l *pages) join() ([]byte, error) {
	joined := make([]byte, 0, l.size+2)
	joined = append(joined, '[')
	joined = append(joined, bytes.Join(l.data, []byte{','})...)
	joined = append(joined, ']')
	list, err := form.Parse(l.last.raw)
	if err != nil {
		return nil, sdk.Fail(sdk.CodeUpstream, "what Stripe answered is not a page of a list")
	}
	return list.Replace("data", joined).Object(), nil
}
