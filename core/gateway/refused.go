package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// refusedPage is the most refused requests that a page of the list has; all that are
// remembered.
const refusedPage = 200

// refusedRequestSummary is a refused request of a webhook in a list: nothing of what it held.
type refusedRequestSummary struct {
	Number     int64               `json:"number"`
	ReceivedAt string              `json:"receivedAt"`
	Kind       webhook.RefusalKind `json:"kind"`
	Reason     string              `json:"reason"`
	// Genuine: it was known to be its sender's when it was refused.
	Genuine     bool     `json:"genuine"`
	Method      string   `json:"method"`
	Client      string   `json:"client"`
	RequestID   string   `json:"requestId"`
	Headers     []string `json:"headers"`
	HeaderBytes int      `json:"headerBytes"`
	BodyBytes   int64    `json:"bodyBytes"`
	// Kept: its body and the values of its headers are kept.
	Kept bool `json:"kept"`
}

// refusedRequestJSON is one refused request with what is kept of it.
type refusedRequestJSON struct {
	refusedRequestSummary
	URL          string              `json:"url,omitempty"`
	HeaderValues map[string][]string `json:"headerValues,omitempty"`
	// The body is a text, or base64 where it is not UTF-8.
	Body       *string `json:"body,omitempty"`
	BodyBase64 []byte  `json:"bodyBase64,omitempty"`
}

// listRefused shows the last requests that a webhook refused, the newest first.
func (x *requestContext) listRefused(w http.ResponseWriter, _ *http.Request) error {
	hook, err := x.webhook()
	if err != nil {
		return err
	}
	limit, before := refusedPage, int64(0)
	if text, given := x.query["limit"]; given {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > refusedPage {
			return &apiError{code: codeBadRequest, detail: fmt.Sprintf("limit must be a whole number from 1 to %d", refusedPage)}
		}
	}
	if text, given := x.query["cursor"]; given {
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return &apiError{code: codeBadRequest, detail: "the cursor is not one that this list answered"}
		}
	}
	found, more := hook.Refused(before, limit)
	page := list[refusedRequestSummary]{Data: make([]refusedRequestSummary, len(found))}
	for i, request := range found {
		page.Data[i] = refusedOf(request)
	}
	if more {
		cursor := strconv.FormatInt(found[len(found)-1].Number, 10)
		page.NextCursor = &cursor
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// showRefused shows one refused request, with what is kept of it.
func (x *requestContext) showRefused(w http.ResponseWriter, _ *http.Request) error {
	hook, err := x.webhook()
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(x.argument("number"), 10, 64)
	request, ok := hook.RefusedRequest(number)
	if err != nil || !ok {
		return &apiError{code: sdk.CodeNotFound, detail: "there is no such refused request, or it is not remembered any more"}
	}
	shown := refusedRequestJSON{refusedRequestSummary: refusedOf(request)}
	if kept := request.Kept; kept != nil {
		shown.URL, shown.HeaderValues = kept.URL, kept.Header
		if body := string(kept.Body); utf8.ValidString(body) {
			shown.Body = &body
		} else {
			shown.BodyBase64 = kept.Body
		}
	}
	return sendJSON(w, http.StatusOK, nil, shown)
}

// webhook returns the webhook that the path names.
func (x *requestContext) webhook() (Webhook, error) {
	name := x.argument("webhook")
	i := slices.IndexFunc(x.table.Webhooks, func(hook Webhook) bool { return hook.Name() == name })
	if i < 0 {
		return nil, &apiError{code: sdk.CodeNotFound, detail: "there is no such webhook"}
	}
	return x.table.Webhooks[i], nil
}

func refusedOf(r webhook.RefusedRequest) refusedRequestSummary {
	return refusedRequestSummary{
		Number: r.Number, ReceivedAt: r.ReceivedAt.Format(value.TimeFormat), Kind: r.Refusal.Kind, Reason: r.Refusal.Reason, Genuine: r.Refusal.Genuine,
		Method: r.Method, Client: r.Client, RequestID: r.RequestID, Headers: slices.Concat([]string{}, r.Headers), HeaderBytes: r.HeaderBytes, BodyBytes: r.BodyBytes,
		Kept: r.Kept != nil,
	}
}
