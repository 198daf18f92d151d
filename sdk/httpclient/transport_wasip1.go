package httpclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe" // for handing memory to the host

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

//go:wasmimport backflow http_send
func hostSend(request unsafe.Pointer, size uint32) uint32

//go:wasmimport backflow http_receive
func hostReceive(into unsafe.Pointer)

// exchange makes sending and receiving one: the host keeps one response.
var exchange sync.Mutex

func transport() http.RoundTripper { return hostTransport{} }

// hostTransport has the gateway make requests.
type hostTransport struct{}

// RoundTrip sends one request. Nothing else runs in the guest meanwhile.
func (hostTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, errors.Join(err, closeBody(request))
	}
	frame := abi.Append(abi.Begin(nil, abi.HTTPRequest), abi.Method, request.Method)
	frame = abi.Append(frame, abi.URL, request.URL.String())
	for name, values := range request.Header {
		for _, value := range values {
			frame = abi.AppendPair(frame, abi.Header, name, ':', value)
		}
	}
	if deadline, ok := request.Context().Deadline(); ok {
		frame = abi.AppendNumber(frame, abi.Timeout, max(1, int64(time.Until(deadline))))
	}
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err := errors.Join(err, request.Body.Close()); err != nil {
			return nil, fmt.Errorf("httpclient: read the request's body: %w", err)
		}
		frame = abi.Append(frame, abi.Body, body)
	}
	received, err := abi.Parse(call(frame))
	if err != nil {
		return nil, err
	}
	return response(request, received)
}

func closeBody(request *http.Request) error {
	if request.Body == nil {
		return nil
	}
	return request.Body.Close()
}

// call hands a request over and fetches the response.
func call(frame []byte) []byte {
	exchange.Lock()
	defer exchange.Unlock()
	received := make([]byte, hostSend(unsafe.Pointer(&frame[0]), uint32(len(frame))))
	hostReceive(unsafe.Pointer(unsafe.SliceData(received)))
	return received
}

// response reads the host's response.
func response(request *http.Request, frame abi.Frame) (*http.Response, error) {
	r := &http.Response{
		Request: request, Header: make(http.Header),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	var body []byte
	for tag, content := range frame.Fields() {
		switch tag {
		case abi.Error:
			failure := &sdk.Error{}
			if err := json.Unmarshal(content, failure); err != nil {
				return nil, err
			}
			return nil, failure
		case abi.Status:
			r.StatusCode = int(abi.Number(content))
			r.Status = strconv.Itoa(r.StatusCode) + " " + http.StatusText(r.StatusCode)
		case abi.Header:
			name, value, _ := strings.Cut(string(content), ":")
			r.Header.Add(name, value)
		case abi.Body:
			body = content
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return r, nil
}
