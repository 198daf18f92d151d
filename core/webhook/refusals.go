package webhook

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what is remembered of refused requests, for each webhook.
const (
	// maxRefused is how many requests are remembered: the last ones.
	maxRefused = 200
	// maxRefusedHeaders is how many names of headers of each, maxRefusedName how many
	// bytes of a name.
	maxRefusedHeaders = 64
	maxRefusedName    = 64
	// maxKeptBytes bounds the bodies and values of headers of all of them, in bytes:
	// those of the oldest are given up first. A request with more than maxKeptRequest is
	// remembered without.
	maxKeptBytes   = 4 << 20
	maxKeptRequest = 1 << 20
)

// RefusedRequest is what is remembered of a request that was refused.
type RefusedRequest struct {
	// Number counts the webhook's refused requests from 1 since the process began.
	Number     int64
	ReceivedAt time.Time // UTC, whole milliseconds
	Refusal    Refusal
	Method     string
	// Headers are the names of the headers in lower case, by name; each is cut, and so
	// is the list. HeaderBytes is the size of them all with their values.
	Headers     []string
	HeaderBytes int
	// BodyBytes is the size of the body. A body that is too large is not read to its end:
	// then it is what the request said of its size, else what had come.
	BodyBytes int64
	// Client is the address of the client.
	Client    string
	RequestID string
	// Kept is nil unless the webhook keeps refused requests, and where there was no room.
	Kept *KeptRequest
}

// KeptRequest is what a request can be judged by again.
type KeptRequest struct {
	URL string
	// Header has the values of the headers that are no secrets, signatures among them.
	Header http.Header
	Body   []byte
}

// Refusals remember the last refused requests of each webhook, in memory. It is safe
// for concurrent use.
type Refusals struct {
	mu     sync.Mutex // guards all below
	byName map[string]*refusedList
}

// refusedList are the refused requests of a webhook, the newest last.
type refusedList struct {
	requests []RefusedRequest
	last     int64 // number
	kept     int   // bytes
}

// NewRefusals remembers nothing yet.
func NewRefusals() *Refusals { return &Refusals{byName: map[string]*refusedList{}} }

// Keep forgets the requests of webhooks that the config does not have any more.
func (r *Refusals) Keep(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.byName {
		if !slices.Contains(names, name) {
			delete(r.byName, name)
		}
	}
}

// List returns the requests of a webhook that came before the one of a number, the
// newest first; 0 is before none. At most limit of them are returned, without what is
// kept of them but for that something is; more reports whether others follow.
func (r *Refusals) List(webhook string, before int64, limit int) (page []RefusedRequest, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.byName[webhook]
	if list == nil {
		return nil, false
	}
	for _, request := range slices.Backward(list.requests) {
		if before > 0 && request.Number >= before {
			continue
		}
		if len(page) == limit {
			return page, true
		}
		page = append(page, request)
	}
	return page, false
}

// Get returns the request of a number; ok is false where it is not remembered.
func (r *Refusals) Get(webhook string, number int64) (request RefusedRequest, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.byName[webhook]
	if list == nil {
		return RefusedRequest{}, false
	}
	i := slices.IndexFunc(list.requests, func(request RefusedRequest) bool { return request.Number == number })
	if i < 0 {
		return RefusedRequest{}, false
	}
	return list.requests[i], true
}

// add remembers a request. The method of nil does nothing.
func (r *Refusals) add(webhook string, request RefusedRequest) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.byName[webhook]
	if list == nil {
		list = &refusedList{}
		r.byName[webhook] = list
	}
	list.last++
	request.Number = list.last
	if len(list.requests) == maxRefused {
		list.kept -= list.requests[0].Kept.size()
		list.requests = slices.Delete(list.requests, 0, 1)
	}
	list.requests = append(list.requests, request)
	list.kept += request.Kept.size()
	for i := 0; list.kept > maxKeptBytes; i++ {
		list.kept -= list.requests[i].Kept.size()
		list.requests[i].Kept = nil
	}
}

// size is that of what is kept, in bytes.
func (k *KeptRequest) size() int {
	if k == nil {
		return 0
	}
	return len(k.URL) + len(k.Body) + headerBytes(k.Header)
}

func headerBytes(h http.Header) int {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	return size
}

// refusedRequest describes a request. It shares no memory with it, which may be larger
// than what is remembered of it.
func refusedRequest(request *Request, refusal *Refusal, now time.Time, requestID string) RefusedRequest {
	refused := RefusedRequest{
		ReceivedAt: now.UTC().Truncate(time.Millisecond), Refusal: *refusal, Method: cut(request.Method),
		HeaderBytes: headerBytes(request.Header), BodyBytes: int64(len(request.Body)),
		Client: strings.Clone(request.Client), RequestID: strings.Clone(requestID),
	}
	for name := range request.Header {
		refused.Headers = append(refused.Headers, cut(strings.ToLower(name)))
	}
	slices.Sort(refused.Headers)
	refused.Headers = slices.Clone(refused.Headers[:min(len(refused.Headers), maxRefusedHeaders)])
	return refused
}

// cut returns the beginning of a name, in memory of its own.
func cut(name string) string {
	return strings.ToValidUTF8(strings.Clone(name[:min(len(name), maxRefusedName)]), "\ufffd")
}

// keptRequest returns what a request can be judged by again, nil where that is too
// large. Signatures are kept: they let nobody in that the request itself did not. The
// webhook's own secrets are not, wherever the sender shows them.
func (r *Receiver) keptRequest(request *Request) *KeptRequest {
	if len(request.Body) > maxKeptRequest {
		return nil
	}
	kept := &KeptRequest{URL: strings.Clone(r.redactor.String(request.URL)), Header: http.Header{}, Body: []byte(r.redactor.String(string(request.Body)))}
	for name, values := range request.Header {
		lower := strings.ToLower(name)
		if isSecret(lower) && !strings.Contains(lower, "signature") && !strings.Contains(lower, "hmac") {
			continue
		}
		for _, v := range values {
			kept.Header.Add(strings.Clone(name), strings.Clone(r.redactor.String(v)))
		}
	}
	if kept.size() > maxKeptRequest {
		return nil
	}
	return kept
}
