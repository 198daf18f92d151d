package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCancelSucceedsOnceTheRunWasCancelledAndUndone(t *testing.T) {
	for name, c := range map[string]struct {
		event, status string
		code          int
		says          string
	}{
		"cancelled":         {`{"type":"cancelled","path":"a"}`, "cancelled", exitOK, ""},
		"not all undone":    {`{"type":"undoFailed","path":"reserve"}`, "cancelled", exitFailed, "not everything was undone: reserve"},
		"it succeeded":      {`{"type":"succeeded","path":"a"}`, "succeeded", exitFailed, "the run succeeded"},
		"it failed instead": {`{"type":"failed","path":"a"}`, "failed", exitFailed, "the run failed"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/stream") {
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprintf(w, "id: 1\ndata: %s\n\nid: 2\ndata: {\"type\":\"ended\"}\n\n", c.event)
				return
			}
			fmt.Fprintf(w, `{"id":"r1","workflow":"w","status":%q}`, c.status)
		}))
		code, _, stderr := call(t, server.URL, "runs", "cancel", "r1", "--wait")
		server.Close()
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit code %d: %s", name, code, stderr)
		}
	}
}
