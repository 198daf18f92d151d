package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// returning has the integration return a result of as many bytes as its params say.
func (h *harness) returning() {
	h.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		var params struct{ Amount int }
		if err := json.Unmarshal(call.Params, &params); err != nil {
			return sdk.Result{}, err
		}
		return sdk.Result{Body: []byte(`"` + strings.Repeat("x", params.Amount-2) + `"`)}, nil
	})
}

// shown are the steps of a run as it is shown, by path.
func (h *harness) shown(id string) map[string]stepJSON {
	h.t.Helper()
	rec := h.send("GET", "/runs/"+id, "")
	wantStatus(h.t, rec, 200)
	var run runJSON
	must(h.t, json.Unmarshal(rec.Body.Bytes(), &run))
	steps := map[string]stepJSON{}
	for _, s := range run.Steps {
		steps[s.Path] = s
	}
	return steps
}

func TestALargeResultIsALinkInItsPlace(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.returning()
	const pay = `{"id":"%s","type":"integration","integration":"shop","action":"createPayment","params":{"amount":%s}%s}`
	h.define(`"output":{"b":"{{steps.b.result}}"},"steps":[` + strings.Join([]string{
		fmt.Sprintf(pay, "a", "65536", ""),
		fmt.Sprintf(pay, "b", "65537", ""),
		`{"id":"e","type":"foreach","items":[40000,70000,10],"steps":[` + fmt.Sprintf(pay, "c", `"{{item}}"`, "") + `]}`,
		`{"id":"f","type":"fail","message":"no","onError":[` + fmt.Sprintf(pay, "h", "70001", "") + `]}`,
		`{"id":"skip","type":"set","values":{"v":1},"condition":"false"}`,
	}, ",") + `]`)
	id := h.start()
	h.is(id, workflow.RunSucceeded)
	steps := h.shown(id)
	for path, size := range map[string]int{"a": 65536, "b": 65537, "e": 40000 + 70000 + 10 + 4, "e[0].c": 40000, "e[1].c": 70000, "e[2].c": 10, "f.onError.h": 70001} {
		s, large := steps[path], size > 64<<10
		url := "/runs/" + id + "/steps/" + strings.NewReplacer("[", "%5B", "]", "%5D").Replace(path) + "/result"
		if large != (s.Result == nil) || large != (s.ResultURL == url) || large != (s.ResultBytes == size) {
			t.Errorf("%s of %d bytes: %d are shown, %q, %d", path, size, len(s.Result), s.ResultURL, s.ResultBytes)
		}
		for _, target := range []string{url, "/runs/" + id + "/steps/" + path + "/result"} {
			rec := h.send("GET", target, "")
			wantStatus(t, rec, 200)
			if rec.Body.Len() != size || rec.Header().Get("Content-Type") != "application/json" || !json.Valid(rec.Body.Bytes()) {
				t.Errorf("%s: %d bytes of %s", target, rec.Body.Len(), rec.Header().Get("Content-Type"))
			}
		}
	}
	for _, path := range []string{"nope", "e[3].c", "e[-1].c", "e[99999999999].c", "e.c", "c", "a.onError.h", "f", "skip", "%5B", "e%5B0%5D"} {
		wantCode(t, h.send("GET", "/runs/"+id+"/steps/"+path+"/result", ""), 404, sdk.CodeNotFound)
	}
	wantCode(t, h.send("GET", "/runs/nope/steps/a/result", ""), 404, sdk.CodeNotFound)
	wantCode(t, h.send("GET", "/runs/"+id+"/steps/a/result?x=1", ""), 400, codeBadRequest)

	for _, e := range h.stream(id, 0) {
		var doc eventJSON
		must(t, json.Unmarshal([]byte(e.data), &doc))
		s := steps[doc.Path]
		switch {
		case len(e.data) > 66<<10:
			t.Errorf("event %d has %d bytes", e.id, len(e.data))
		case doc.Type == workflow.EventEnded:
			if doc.Result != nil || doc.ResultURL != "" || doc.ResultBytes == 0 {
				t.Errorf("the end: %d bytes are sent, %q, %d", len(doc.Result), doc.ResultURL, doc.ResultBytes)
			}
		case doc.Type == workflow.EventSucceeded && doc.Path != "e" && (doc.ResultURL != s.ResultURL || doc.ResultBytes != s.ResultBytes || len(doc.Result) != len(s.Result)):
			t.Errorf("event %d of %s: %q, %d, shown are %q, %d", e.id, doc.Path, doc.ResultURL, doc.ResultBytes, s.ResultURL, s.ResultBytes)
		}
	}
}

func TestARunIsShownInBoundedSizeHoweverManyResultsItHas(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.returning()
	h.define(`"steps":[{"id":"e","type":"foreach","items":[` + strings.TrimSuffix(strings.Repeat("60000,", 150), ",") + `],"concurrency":50,"steps":[
		{"id":"c","type":"integration","integration":"shop","action":"createPayment","params":{"amount":"{{item}}"}}]}]`)
	id := h.start()
	h.is(id, workflow.RunSucceeded)
	rec := h.send("GET", "/runs/"+id, "")
	wantStatus(t, rec, 200)
	if size := rec.Body.Len(); size > workflow.MaxShownResults+100_000 || size < workflow.MaxShownResults-100_000 {
		t.Errorf("the response has %d bytes", size)
	}
	inPlace, linked := 0, 0
	for path, s := range h.shown(id) {
		switch {
		case path == "e":
		case s.Result != nil:
			inPlace++
		case s.ResultBytes == 60000:
			linked++
			if linked == 1 {
				if rec := h.send("GET", s.ResultURL, ""); rec.Code != http.StatusOK || rec.Body.Len() != 60000 {
					t.Errorf("%s: %d with %d bytes", s.ResultURL, rec.Code, rec.Body.Len())
				}
			}
		}
	}
	if inPlace != workflow.MaxShownResults/60000 || inPlace+linked != 150 {
		t.Errorf("%d results are shown in place, %d are links", inPlace, linked)
	}
}

func TestAStreamOfALongRunGoesOnAfterAnyEvent(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"e","type":"foreach","items":[1,2,3,4,5,6,7,8,9,10,11,12],"steps":[
		{"id":"c","type":"integration","integration":"shop","action":"createPayment","params":{"amount":"{{item}}"}}]}]`)
	id := h.start()
	h.is(id, workflow.RunSucceeded)
	all := h.stream(id, 0)
	if len(all) != 1+1+2*12+2 {
		t.Fatalf("%d events", len(all))
	}
	for after := range len(all) {
		rest := h.stream(id, after)
		if len(rest) != len(all)-after || rest[0] != all[after] || rest[len(rest)-1] != all[len(all)-1] {
			t.Errorf("after %d come %d events, the first is %+v", after, len(rest), rest[0])
		}
	}
	wantStatus(t, h.send("GET", "/runs/"+id+"/stream", "", "Last-Event-ID: "+strconv.Itoa(len(all))), 204)
	wantStatus(t, h.send("GET", "/runs/"+id+"/stream", "", "Last-Event-ID: "+strconv.Itoa(len(all)+1)), 400)
}
