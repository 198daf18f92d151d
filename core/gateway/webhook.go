package gateway

import (
	"cmp"
	"context"
	"net/http"

	"github.com/backflow/backflow/core/webhook"
)

// Webhook receives the events of one sender. *webhook.Receiver is one.
type Webhook interface {
	// Name is what the config calls it.
	Name() string
	// Path is where the sender sends to, such as "/webhooks/stripe".
	Path() string
	// Methods are those at which the sender is served.
	Methods() []string
	// MaxBodyBytes is the size of the largest body that is received.
	MaxBodyBytes() int
	// Responds returns status and content type of the response to an event, if the config
	// makes it; 0 is the gateway's own.
	Responds() (status int, contentType string)
	// Receive verifies a request and stores its event.
	Receive(ctx context.Context, request webhook.Request) (webhook.Receipt, error)
	// RefuseTooLarge notes a request with a body of more bytes than MaxBodyBytes.
	RefuseTooLarge(ctx context.Context, request webhook.Request, bytes int64)
	// Refused returns refused requests that came before the one of a number, the newest
	// first; 0 is before none.
	Refused(before int64, limit int) (page []webhook.RefusedRequest, more bool)
	// RefusedRequest returns the one of a number.
	RefusedRequest(number int64) (request webhook.RefusedRequest, ok bool)
}

var _ Webhook = (*webhook.Receiver)(nil)

// received is the response to the sender of an event that is stored.
type received struct {
	Received  bool   `json:"received"`
	ID        string `json:"id"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Resumed   bool   `json:"resumed,omitempty"`
}

// receiveEvent hands a request to the receiver of its webhook. The body is passed on
// as it came, whatever its type, because signatures are computed over it.
func (x *requestContext) receiveEvent(receiver Webhook, w http.ResponseWriter, r *http.Request) error {
	receipt, err := receiver.Receive(r.Context(), x.webhookRequest(r))
	if err != nil {
		return err
	}
	if reply := receipt.Reply; reply != nil {
		// Whatever of the sender's is in it, a browser runs none of it.
		header := http.Header{"Content-Security-Policy": {"sandbox"}}
		if reply.ContentType != "" {
			header["Content-Type"] = []string{reply.ContentType}
		}
		response{cmp.Or(reply.Status, http.StatusOK), header, reply.Body}.send(w)
		return nil
	}
	return sendJSON(w, http.StatusOK, nil, received{Received: true, ID: receipt.ID, Duplicate: receipt.Duplicate, Resumed: receipt.Resumed})
}

// webhookRequest is a request as a receiver gets it.
func (x *requestContext) webhookRequest(r *http.Request) webhook.Request {
	return webhook.Request{
		Method: r.Method, Header: r.Header, Body: x.body, URL: x.table.PublicURL + r.URL.RequestURI(),
		Client: clientAddress(r, x.table.TrustedProxies),
	}
}

// webhookEndpoints are the rows of a webhook.
func webhookEndpoints(hook Webhook) []endpoint {
	row := endpoint{
		path: hook.Path(), public: true, // its signature is checked
		in:      input{anyQuery: true},
		out:     []output{{status: http.StatusOK, body: received{}}, {status: http.StatusOK, contentType: anyContentType}, {status: http.StatusNoContent}},
		maxBody: hook.MaxBodyBytes(), shared: true,
		handler: func(x *requestContext, w http.ResponseWriter, r *http.Request) error {
			return x.receiveEvent(hook, w, r)
		},
	}
	if status, contentType := hook.Responds(); status != 0 {
		row.out = append(row.out, output{status: status, contentType: contentType})
	}
	var rows []endpoint
	for _, method := range hook.Methods() {
		row.method, row.doc, row.stateful = method, "Responds to what the sender of a webhook asks before it sends events.", usesNoState
		if method == http.MethodPost {
			row.doc, row.stateful = "Receives an event of a webhook.", writesState
			row.tooLarge = func(x *requestContext, r *http.Request, bytes int64) {
				hook.RefuseTooLarge(r.Context(), x.webhookRequest(r), bytes)
			}
		}
		rows = append(rows, row)
	}
	return rows
}
