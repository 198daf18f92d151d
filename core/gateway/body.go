package gateway

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// readBody reads the whole body, of at most limit bytes. Afterwards the
// connection has no read deadline: the one of the server is for the request,
// and net/http would cancel the context of a long call when it passes.
func readBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, error) {
	if r.ContentLength > int64(limit) {
		return nil, tooLarge(limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	if err != nil {
		return nil, bodyFault(err, limit)
	}
	// A writer without a connection, as in tests, has no deadline to clear.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, fmt.Errorf("gateway: clear read deadline: %w", err)
	}
	return body, nil
}

func bodyFault(err error, limit int) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return &apiError{code: codeRequestTimeout, detail: "the body did not arrive in time", header: map[string]string{"Connection": "close"}, cause: err}
	}
	return &apiError{code: codeBadRequest, detail: "the body did not arrive whole", header: map[string]string{"Connection": "close"}, cause: err}
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
func (x *requestContext) readJSON(w http.ResponseWriter, r *http.Request, document func([]byte) (value.Doc, error)) (value.Doc, error) {
	body, err := readBody(w, r, x.table.MaxBodyBytes)
	if err != nil || len(body) == 0 {
		return value.Doc{}, err
	}
	if err := checkType(r.Header); err != nil {
		return value.Doc{}, err
	}
	doc, err := document(body)
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
	if len(given) == 1 {
		mediaType, parameters, err := mime.ParseMediaType(given[0])
		charset := parameters["charset"]
		isJSON := mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
		if err == nil && isJSON && (charset == "" || strings.EqualFold(charset, "utf-8")) {
			return nil
		}
	}
	return &apiError{code: codeUnsupportedType, detail: "a body must come with Content-Type: application/json", header: map[string]string{"Accept": "application/json"}}
}
