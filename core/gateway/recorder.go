package gateway

import "net/http"

// leastLeaving is how many responses of one size may be sent at once, whatever
// Limits.MaxLeaving is.
const leastLeaving = 4

// recorder notes status and size of a response. Once the response begins, the
// request gives up its slot, unless it streams: a client that does not read holds
// none.
type recorder struct {
	http.ResponseWriter
	request *requestContext
	status  int // 0 until the response began
	bytes   int64
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write writes p, and counts the bytes. What is large is accounted for until the
// client has taken it.
func (w *recorder) Write(p []byte) (n int, err error) {
	w.begin(http.StatusOK)
	if len(p) <= writeChunk {
		n, err = w.ResponseWriter.Write(p)
		w.bytes += int64(n)
		return n, err
	}
	x := w.request
	t := x.leaving.begin(x.holder, leastLeaving*len(p), x.connection.abortWrite)
	defer t.end()
	if !t.grow(len(p)) {
		return 0, http.ErrAbortHandler
	}
	for n < len(p) && err == nil {
		var written int
		written, err = w.ResponseWriter.Write(p[n:min(len(p), n+writeChunk)])
		n += written
		w.bytes += int64(written)
		t.progressed()
	}
	return n, err
}

// begin notes the status of a response that begins.
func (w *recorder) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	if w.request.slot != w.request.streaming {
		w.request.release()
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
