package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/custom"
)

// steps is how many calls a run of the workflow makes, one after another.
const steps = 3

// token is what the load is sent with.
const token = "load-test-token"

// tokenHash is how a config names it.
func tokenHash() access.Hash { return access.HashOf(token) }

// definition is the workflow: each step posts about 200 bytes, and what a step
// answered goes into the next.
const definition = `{"id":"load","steps":[
  {"id":"first","type":"poster","action":"post","params":{"step":1,"data":"{{input.data}}"}},
  {"id":"second","type":"poster","action":"post","params":{"step":2,"previous":"{{steps.first.result.id}}","data":"{{input.data}}"}},
  {"id":"third","type":"poster","action":"post","params":{"step":3,"previous":"{{steps.second.result.id}}","data":"{{input.data}}"}}]}`

// stepAction is the steps' action, declared.
var stepAction = custom.Action{
	Method: http.MethodPost, Path: "/", Body: json.RawMessage(`"{{params}}"`), IdempotencyHeader: "Idempotency-Key",
	Params: json.RawMessage(`{"type":"object","required":["step","data"],"additionalProperties":false,"properties":{
		"step":{"type":"integer","minimum":1},"previous":{"type":"string"},"data":{"type":"string"}}}`),
}

// data is what makes the steps' bodies about 200 bytes long.
var data = strings.Repeat("0123456789abcdef", 9)

// input is the body that starts a run.
func input() []byte {
	body, err := json.Marshal(map[string]string{"data": data})
	if err != nil {
		panic(err) // a map of strings is always JSON
	}
	return body
}

// startRun starts a run and waits for its end.
var startRun = message{path: "/workflows/load/runs?wait=30s", contentType: "application/json", body: input()}

// stub answers the steps' calls at once and counts them.
type stub struct{ calls atomic.Int64 }

func (s *stub) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	n := s.calls.Add(1)
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no answer.
	_, _ = fmt.Fprintf(w, `{"id":"thing_%016d","object":"thing","created":1700000000,"livemode":false,"status":"ready"}`, n)
}
