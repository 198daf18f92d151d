package gateway

import (
	"cmp"
	"context"
	"net/http"

	"github.com/backflow/backflow/core/webhook"
)

// Webhook receives the events of one sender. *webhook.Receiver is one.
type Webhook interface {
	// Path is where the sender sends to, such as "/webhooks/stripe".
	Path() string
	// MaxBodyBytes is the size of the largest body that is received.
	MaxBodyBytes() int
	// Receive verifies a request and stores its event.
	Receive(ctx context.Context, request webhook.Request) (webhook.Receipt, error)
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
	receipt, err := receiver.Receive(r.Context(), webhook.Request{
		Method: r.Method, Header: r.Header, Body: x.body, URL: x.table.PublicURL + r.URL.RequestURI(),
		Client: clientAddress(r, x.table.TrustedProxies),
	})
	if err != nil {
		return err
	}
	if reply := receipt.Reply; reply != nil {
		header := http.Header{}
		if reply.ContentType != "" {
			header.Set("Content-Type", reply.ContentType)
		}
		response{cmp.Or(reply.Status, http.StatusOK), header, reply.Body}.send(w)
		return nil
	}
	return sendJSON(w, http.StatusOK, nil, received{Received: true, ID: receipt.ID, Duplicate: receipt.Duplicate, Resumed: receipt.Resumed})
}
