package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// reconcileWebhook has the events of a webhook compared with what its vendor lists.
func (x *requestContext) reconcileWebhook(w http.ResponseWriter, r *http.Request) error {
	c, err := x.readChange(r)
	if err != nil {
		return err
	}
	hook, err := x.webhook()
	if err != nil {
		return err
	}
	request := reconcile.Request{ID: engine.NewRunID(), Webhook: hook.Name(), By: x.caller.name}
	if err := readReconcileRequest(c.body, &request); err != nil {
		return err
	}
	pass, err := changeOnce(x, w, r, c, request.ID,
		func(once engine.Once) (reconcile.Pass, error) {
			request.Once = once
			return x.services.Reconciles.Request(r.Context(), request)
		},
		func(id string) (reconcile.Pass, error) {
			return x.services.Reconciles.Pass(r.Context(), hook.Name(), id)
		})
	if err != nil {
		return err
	}
	pass = x.awaitPass(r, pass, c.wait)
	status := http.StatusAccepted
	if c.wait > 0 && pass.Status.Ended() {
		status = http.StatusOK
	}
	location := "/webhooks/" + url.PathEscape(hook.Name()) + "/reconcile?pass=" + url.QueryEscape(pass.ID)
	return sendJSON(w, status, http.Header{"Location": {location}}, x.passJSON(pass))
}

// awaitPass returns a pass at its end, or as it is when the time to wait is over.
func (x *requestContext) awaitPass(r *http.Request, pass reconcile.Pass, wait time.Duration) reconcile.Pass {
	if wait == 0 || pass.Status.Ended() || !x.acquire(x.waiting) {
		return pass
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(x.stopping, cancel)()
	latest, err := x.services.Reconciles.Wait(ctx, pass.Webhook, pass.ID)
	if err != nil {
		x.log.WarnContext(r.Context(), "waiting for the comparison of a webhook failed", "webhook", pass.Webhook, "pass", pass.ID, "error", err.Error())
		return pass
	}
	return latest
}

// showReconcile shows what is known of the comparison of a webhook.
func (x *requestContext) showReconcile(w http.ResponseWriter, r *http.Request) error {
	hook, err := x.webhook()
	if err != nil {
		return err
	}
	state, err := x.services.Reconciles.Get(r.Context(), hook.Name())
	if err != nil {
		return err
	}
	if id, given := x.query["pass"]; given {
		pass, err := x.services.Reconciles.Pass(r.Context(), hook.Name(), id)
		if err != nil {
			return err
		}
		state.Pass = &pass
	}
	return sendJSON(w, http.StatusOK, nil, x.reconcileJSON(state))
}

// reconcileRequestJSON is the body of a request to compare a webhook.
type reconcileRequestJSON struct {
	// Since is a time of RFC 3339, or a duration: so long ago.
	Since  string `json:"since,omitempty"`
	DryRun bool   `json:"dryRun,omitempty"`
}

var reconcileRequestSchema = newBodySchema(`{"type":"object","additionalProperties":false,"properties":{
	"since":{"type":"string","minLength":1},"dryRun":{"type":"boolean"}}}`)

func readReconcileRequest(body value.Doc, request *reconcile.Request) error {
	var doc reconcileRequestJSON
	if err := reconcileRequestSchema.read(body, &doc); err != nil {
		return err
	}
	request.DryRun = doc.DryRun
	if doc.Since == "" {
		return nil
	}
	if ago, err := time.ParseDuration(doc.Since); err == nil && ago > 0 {
		request.Ago = ago
		return nil
	}
	at, err := time.Parse(time.RFC3339, doc.Since)
	if err != nil {
		detail := fmt.Sprintf("since must be a duration such as 72h, or a time of RFC 3339 such as 2026-01-31T12:00:00Z, not %q", doc.Since)
		return &apiError{code: sdk.CodeInvalidParams, detail: detail, faults: []sdk.Fault{{Pointer: "/since", Message: detail}}}
	}
	request.Since = at
	return nil
}

// reconcileJSON is what is known of the comparison of a webhook.
type reconcileJSON struct {
	Webhook string `json:"webhook"`
	// Every is null where there are only the passes that are asked for.
	Every    *string `json:"every"`
	Lookback string  `json:"lookback"`
	// Watermark: every event that the vendor made before it was compared.
	Watermark   *value.Time `json:"watermark"`
	Next        *value.Time `json:"next"`
	LastSuccess *value.Time `json:"lastSuccess"`
	// Pass is the one under way, else the one that ended last.
	Pass   *passJSON  `json:"pass"`
	Queued []passJSON `json:"queued"`
}

// passJSON is one comparison.
type passJSON struct {
	ID          string           `json:"id"`
	Webhook     string           `json:"webhook"`
	Status      reconcile.Status `json:"status"`
	RequestedBy *string          `json:"requestedBy"`
	DryRun      bool             `json:"dryRun"`
	Window      timesJSON        `json:"window"`
	// Through is up to where the window is done.
	Through value.Time `json:"through"`
	reconcile.Counts
	Gap           *timesJSON         `json:"gap"`
	Error         *problem           `json:"error"`
	Events        []missingEventJSON `json:"events"`
	UnknownEvents []unknownEventJSON `json:"unknownEvents"`
	CreatedAt     value.Time         `json:"createdAt"`
	StartedAt     *value.Time        `json:"startedAt"`
	FinishedAt    *value.Time        `json:"finishedAt"`
}

// timesJSON is a span of time.
type timesJSON struct {
	Since value.Time  `json:"since"`
	Until *value.Time `json:"until"`
}

// missingEventJSON is an event that had not arrived.
type missingEventJSON struct {
	ID        string     `json:"id"`
	Type      string     `json:"type"`
	CreatedAt value.Time `json:"createdAt"`
	// Result is null where nothing was done, in a dry run.
	Result *string `json:"result"`
	Reason string  `json:"reason,omitempty"`
}

// unknownEventJSON is an event that was received and that the vendor does not know.
type unknownEventJSON struct {
	ID         string     `json:"id"`
	Type       string     `json:"type"`
	ReceivedAt value.Time `json:"receivedAt"`
}

func (x *requestContext) reconcileJSON(s reconcile.State) reconcileJSON {
	doc := reconcileJSON{
		Webhook: s.Webhook, Lookback: value.Duration(s.Lookback), Queued: []passJSON{},
		Watermark: optionalTime(s.Watermark), Next: optionalTime(s.Next), LastSuccess: optionalTime(s.Succeeded),
	}
	if s.Every > 0 {
		every := value.Duration(s.Every)
		doc.Every = &every
	}
	if s.Pass != nil {
		pass := x.passJSON(*s.Pass)
		doc.Pass = &pass
	}
	for _, pass := range s.Queued {
		doc.Queued = append(doc.Queued, x.passJSON(pass))
	}
	return doc
}

func (x *requestContext) passJSON(p reconcile.Pass) passJSON {
	doc := passJSON{
		ID: p.ID, Webhook: p.Webhook, Status: p.Status, DryRun: p.DryRun, Counts: p.Counts,
		Window:  timesJSON{Since: value.Time{Time: p.Since}, Until: optionalTime(p.Until)},
		Through: value.Time{Time: p.Through},
		Events:  []missingEventJSON{}, UnknownEvents: []unknownEventJSON{},
		CreatedAt: value.Time{Time: p.CreatedAt}, StartedAt: optionalTime(p.StartedAt), FinishedAt: optionalTime(p.FinishedAt),
	}
	if p.Requested {
		doc.RequestedBy = &p.By
	}
	if p.Gap != nil {
		doc.Gap = &timesJSON{Since: value.Time{Time: p.Gap.Since}, Until: optionalTime(p.Gap.Until)}
	}
	if p.Error != nil {
		doc.Error = newProblem(fromSDKError(p.Error, ""), "")
	}
	for _, e := range p.Events {
		event := missingEventJSON{ID: e.ID, Type: e.Type, CreatedAt: value.Time{Time: e.At}, Reason: e.Reason}
		if e.Result != "" {
			event.Result = &e.Result
		}
		doc.Events = append(doc.Events, event)
	}
	for _, e := range p.UnknownEvents {
		doc.UnknownEvents = append(doc.UnknownEvents, unknownEventJSON{ID: e.ID, Type: e.Type, ReceivedAt: value.Time{Time: e.At}})
	}
	return doc
}
