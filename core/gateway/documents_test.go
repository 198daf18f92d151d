package gateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// documents are the names in docs/http.md of types whose names do not say it; see
// documentName.
var documents = map[reflect.Type]string{
	reflect.TypeFor[action.Status]():      "status of an integration",
	reflect.TypeFor[action.View]():        "action",
	reflect.TypeFor[action.VariantView](): "variant of an action",
	reflect.TypeFor[sdk.HTTPBinding]():    "endpoint of an action",
	reflect.TypeFor[sdk.Example]():        "example of an action",
	reflect.TypeFor[sdk.Fault]():          "wrong place",
	reflect.TypeFor[workflowStepJSON]():   "step of a workflow",
	reflect.TypeFor[startedJSON]():        "started run",
	reflect.TypeFor[stepJSON]():           "step of a run",
	reflect.TypeFor[eventJSON]():          "event of a run",
	reflect.TypeFor[received]():           "received event",
	reflect.TypeFor[replayedJSON]():       "replayed event",
	reflect.TypeFor[bulkFilterJSON]():     "filter of a bulk",
	reflect.TypeFor[bulk.Counts]():        "counts of a bulk",
	reflect.TypeFor[bulkItemJSON]():       "item of a bulk",
	reflect.TypeFor[reconcileJSON]():      "comparison of a webhook",
	reflect.TypeFor[passJSON]():           "pass of a comparison",
	reflect.TypeFor[timesJSON]():          "window and gap of a pass",

	reflect.TypeFor[workflow.FailedChild](): "failed child",
}

// wordBegin is where a word begins within the name of a type.
var wordBegin = regexp.MustCompile("([a-z])([A-Z])")

// documentName returns the name of a type in docs/http.md: someWordsJSON and
// someWordsDetail are "some words", someWordsSummary is "some words, in the list".
func documentName(of reflect.Type) string {
	if name, ok := documents[of]; ok {
		return name
	}
	name, _, _ := strings.Cut(of.Name(), "[") // the type parameters
	name, inList := strings.CutSuffix(name, "Summary")
	name = strings.TrimSuffix(strings.TrimSuffix(name, "JSON"), "Detail")
	name = strings.ToLower(wordBegin.ReplaceAllString(name, "$1 $2"))
	if inList {
		name += ", in the list"
	}
	return name
}

// TestTheDocumentsAreTrue: each document of the table of endpoints is in
// docs/http.md with its fields, and no other.
func TestTheDocumentsAreTrue(t *testing.T) {
	t.Parallel()
	documented := map[string][]string{}
	for _, row := range section(t, "Documents") {
		for _, span := range codeSpan.FindAllStringSubmatch(row[1], -1) {
			documented[row[0]] = append(documented[row[0]], span[1])
		}
		slices.Sort(documented[row[0]])
	}
	seen, reached := map[reflect.Type]bool{}, map[string]bool{}
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		switch {
		case of == reflect.TypeFor[time.Time]() || of == reflect.TypeFor[value.Time]() || of == reflect.TypeFor[json.RawMessage]():
			return
		case of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map:
			look(of.Elem())
			return
		case of.Kind() != reflect.Struct:
			return
		}
		name := documentName(of)
		if documented[name] == nil {
			t.Errorf("%s is no document of docs/http.md", of)
			return
		}
		if seen[of] {
			return
		}
		seen[of], reached[name] = true, true
		fields := jsonFields(of)
		for _, field := range fields {
			look(field)
		}
		names := slices.Sorted(maps.Keys(fields))
		if !slices.Equal(names, documented[name]) {
			t.Errorf("%s has the fields %q, documented are %q", name, names, documented[name])
		}
	}
	for _, op := range operationsOf(newHarness(t, withMetrics).Gateway) {
		for _, out := range op.out {
			if out.body != nil {
				look(reflect.TypeOf(out.body))
			}
		}
	}
	for name := range documented {
		if !reached[name] {
			t.Errorf("%s is documented, and no endpoint sends it", name)
		}
	}
}

// jsonFields are the fields of a struct by their names in JSON, with those of
// embedded structs.
func jsonFields(of reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			maps.Copy(fields, jsonFields(f.Type))
		case name != "-" && f.IsExported():
			fields[name] = f.Type
		}
	}
	return fields
}

// declared holds a response against what the table of endpoints says of it: a
// success has one of the statuses, and its document no other fields.
func (h *harness) declared(r *http.Request, rec *httptest.ResponseRecorder) {
	h.t.Helper()
	if _, err := splitPath(r.URL); err != nil {
		return
	}
	rt := h.table.Load().match(r)
	if rec.Code >= 400 && rec.Code != http.StatusServiceUnavailable || rt == nil {
		return
	}
	op, err := rt.operation(r.Method)
	if err != nil {
		return
	}
	contentType := rec.Header().Get("Content-Type")
	i := slices.IndexFunc(op.out, func(out output) bool {
		declared := out.contentType
		if declared == "" && out.body != nil {
			declared = "application/json"
		}
		return out.status == rec.Code && (declared == contentType || declared == anyContentType)
	})
	if i < 0 {
		if contentType != problemType {
			h.t.Errorf("%s %s: a status %d with content type %q is not declared", r.Method, op.path, rec.Code, contentType)
		}
		return
	}
	if out := op.out[i]; out.contentType == "" && out.body != nil && r.Method != http.MethodHead {
		var sent any
		must(h.t, json.Unmarshal(rec.Body.Bytes(), &sent))
		for _, field := range undeclared(sent, reflect.TypeOf(out.body)) {
			h.t.Errorf("%s %s: a field %s is not declared", r.Method, op.path, field)
		}
	}
}

// undeclared lists the fields of a JSON value that its type does not have.
func undeclared(sent any, of reflect.Type) (fields []string) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch v := sent.(type) {
	case []any:
		for _, element := range v {
			if of.Kind() == reflect.Slice && of != reflect.TypeFor[json.RawMessage]() {
				fields = append(fields, undeclared(element, of.Elem())...)
			}
		}
	case map[string]any:
		if of.Kind() != reflect.Struct {
			for _, member := range v {
				if of.Kind() == reflect.Map {
					fields = append(fields, undeclared(member, of.Elem())...)
				}
			}
			return fields
		}
		known := jsonFields(of)
		for name, member := range v {
			field, ok := known[name]
			if ok {
				fields = append(fields, undeclared(member, field)...)
			} else if of != reflect.TypeFor[problem]() { // an integration's own stand there too
				fields = append(fields, name)
			}
		}
	}
	return fields
}
