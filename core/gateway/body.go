package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const (
	// bodyChunk is how many bytes of a body are its progress. A body that is not
	// larger is not accounted for: it costs no more than its connection does.
	bodyChunk = 4 << 10
	// largestBodies is how many bodies of the largest size may arrive at once,
	// whatever Limits.MaxArriving is.
	largestBodies = 8
)

// readBody reads the whole body, of at most as many bytes as the endpoint takes.
// Memory follows what has come: what the request says of its length only shortens
// it. Afterwards the connection has no read deadline: the one of the server is for
// the request, and net/http would cancel the context of a long call when it passes.
func (x *requestContext) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := cmp.Or(x.operation.maxBody, x.table.MaxBodyBytes)
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, x.clearReadDeadline(w)
	}
	var t *transfer
	defer func() { t.end() }()
	body, err := x.receive(r, limit, &t)
	switch {
	case err != nil && t.dropped():
		return nil, lateBody("bodies arrive faster than they can be kept, and this one was among the slowest", err)
	case err != nil:
		return nil, bodyFault(err)
	case len(body) > limit:
		return nil, tooLarge(limit)
	}
	t.end() // from here on nothing sets the deadline but this request
	return body, x.clearReadDeadline(w)
}

// errDropped ends the reading of a body that was dropped.
var errDropped = errors.New("dropped")

// receive reads a body to its end, or to one byte over the limit. It begins a transfer
// for one that is accounted for.
func (x *requestContext) receive(r *http.Request, limit int, t **transfer) ([]byte, error) {
	size := 512
	if r.ContentLength > 0 {
		size = int(min(r.ContentLength+1, bodyChunk))
	}
	body := make([]byte, 0, size)
	mark := bodyChunk // the length at which it has progressed again
	for {
		if len(body) == cap(body) {
			body = slices.Grow(body, 1) // by a part of what has come
			if cap(body) > bodyChunk {
				if *t == nil {
					*t = x.arriving.begin(x.holder, largestBodies*limit, x.connection.abortRead)
				}
				if !(*t).grow(cap(body) - (*t).bytes) {
					return nil, errDropped
				}
			}
		}
		n, err := r.Body.Read(body[len(body):min(cap(body), limit+1)])
		body = body[:len(body)+n]
		if len(body) >= mark {
			mark = len(body) + bodyChunk
			(*t).progressed()
			x.connection.progressed()
		}
		switch {
		case errors.Is(err, io.EOF) || len(body) > limit:
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}

func (x *requestContext) clearReadDeadline(w http.ResponseWriter) error {
	// A writer without a connection, as in tests, has no deadline to clear.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("gateway: clear read deadline: %w", err)
	}
	return nil
}

func bodyFault(err error) error {
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return lateBody("the body did not arrive in time", err)
	}
	return &apiError{code: codeBadRequest, detail: "the body did not arrive whole", header: map[string]string{"Connection": "close"}, cause: err}
}

func lateBody(detail string, err error) error {
	return &apiError{code: codeRequestTimeout, detail: detail, header: map[string]string{"Connection": "close"}, cause: err}
}

func tooLarge(limit int) error {
	return &apiError{
		code:   codeTooLarge,
		detail: fmt.Sprintf("the body is larger than %d bytes", limit),
		header: map[string]string{"Connection": "close"},
	}
}

// readJSON reads a body that is JSON, or empty: then the document is zero. It is
// made with [value.ParseDoc] where its value is needed, else with [value.NewDoc].
func (x *requestContext) readJSON(r *http.Request, document func([]byte) (value.Doc, error)) (value.Doc, error) {
	if len(x.body) == 0 {
		return value.Doc{}, nil
	}
	if err := checkType(r.Header); err != nil {
		return value.Doc{}, err
	}
	doc, err := document(x.body)
	if err != nil {
		return value.Doc{}, invalidJSON(err)
	}
	return doc, nil
}

func invalidJSON(err error) error {
	r := &apiError{code: codeInvalidJSON, detail: "the body is not valid JSON: " + err.Error()}
	if syntax, ok := errors.AsType[*value.SyntaxError](err); ok && syntax.Pointer != "" {
		r.faults = []sdk.Fault{{Pointer: syntax.Pointer, Message: syntax.Message}}
	}
	return r
}

// checkType returns an error for a body that does not say to be JSON, or that is
// compressed. A body without a type is an error too: its type would be a guess.
func checkType(h http.Header) error {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &apiError{code: codeUnsupportedType, detail: "the body must not be compressed", header: map[string]string{"Accept-Encoding": "identity"}}
	}
	given := h.Values("Content-Type")
	if len(given) == 1 && given[0] == "application/json" {
		return nil
	}
	if len(given) == 1 {
		mediaType, parameters, err := mime.ParseMediaType(given[0])
		charset := parameters["charset"]
		isJSON := mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
		if err == nil && isJSON && (charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")) {
			return nil
		}
	}
	return &apiError{code: codeUnsupportedType, detail: "a body must come with Content-Type: application/json", header: map[string]string{"Accept": "application/json"}}
}
