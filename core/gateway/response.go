package gateway

import (
	"maps"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// response is a whole response before it is sent, so that it can be kept.
type response struct {
	status int
	header http.Header
	body   []byte
}

// send writes the response. A client that is gone is no error of the gateway.
func (r response) send(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, r.header)
	if r.status != http.StatusNoContent { // RFC 9110 section 8.6
		h["Content-Length"] = []string{strconv.Itoa(len(r.body))}
	}
	w.WriteHeader(r.status)
	// The only errors are those of a connection that ended.
	_, _ = w.Write(r.body)
}

// sendJSON sends a value as JSON.
func sendJSON(w http.ResponseWriter, status int, header http.Header, v any) error {
	body, err := marshal(v)
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = jsonType
	response{status, header, body}.send(w)
	return nil
}

// list is a page of a list.
type list[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"nextCursor"`
}

// marshal is json.Marshal without the escapes that are meant for HTML. The
// library does by other means, in half the time, what the standard one does.
func marshal(v any) ([]byte, error) {
	return json.Marshal(v, jsonv1.DefaultOptionsV1(), jsontext.EscapeForHTML(false))
}
