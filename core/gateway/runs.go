package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
)

// maxPage is the most runs that a page of the list has.
const maxPage = 200

// showRun shows one run with its steps.
func (x *requestContext) showRun(w http.ResponseWriter, r *http.Request) error {
	run, err := x.services.Runs.Get(r.Context(), x.argument("run"))
	if err != nil {
		return err
	}
	return sendJSON(w, http.StatusOK, nil, x.runJSON(run))
}

// showResult shows the result of one step, whatever its size.
func (x *requestContext) showResult(w http.ResponseWriter, r *http.Request) error {
	result, err := x.services.Runs.Result(r.Context(), x.argument("run"), x.argument("step"))
	if err != nil {
		return err
	}
	response{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, hiding(result.Sensitive).JSON(result.JSON)}.send(w)
	return nil
}

// listRuns shows a page of runs, the newest first, without their steps.
func (x *requestContext) listRuns(w http.ResponseWriter, r *http.Request) error {
	request, err := listRequest(x.query)
	if err != nil {
		return err
	}
	found, err := x.services.Runs.List(r.Context(), request)
	if err != nil {
		return err
	}
	if n := len(found.Unreadable); n > 0 {
		x.log.WarnContext(r.Context(), "runs in a list cannot be read", "count", n, "runs", found.Unreadable[:min(n, 10)])
	}
	page := list[runSummary]{Data: []runSummary{}}
	for _, run := range found.Runs {
		page.Data = append(page.Data, x.runSummary(run))
	}
	if found.NextCursor != "" {
		page.NextCursor = &found.NextCursor
	}
	return sendJSON(w, http.StatusOK, nil, page)
}

// listRequest reads the query of a list of runs.
func listRequest(query map[string]string) (request engine.ListRequest, err error) {
	request = engine.ListRequest{Workflow: query["workflow"], Cursor: query["cursor"]}
	if statuses := query["status"]; statuses != "" {
		for name := range strings.SplitSeq(statuses, ",") {
			status := workflow.RunStatus(name)
			if !slices.Contains(workflow.RunStatuses[:], status) {
				return request, &apiError{code: codeBadRequest, detail: fmt.Sprintf("status %q is unknown, known are: %s", name, statusNames())}
			}
			request.Statuses = append(request.Statuses, status)
		}
	}
	if since, given := query["since"]; given {
		if request.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return request, &apiError{code: codeBadRequest, detail: "since must be a time of RFC 3339, such as 2026-01-31T12:00:00Z (a + is written %2B in a query)"}
		}
	}
	if limit, given := query["limit"]; given {
		if request.Limit, err = strconv.Atoi(limit); err != nil || request.Limit < 1 || request.Limit > maxPage {
			return request, &apiError{code: codeBadRequest, detail: fmt.Sprintf("limit must be a whole number from 1 to %d", maxPage)}
		}
	}
	return request, nil
}

func statusNames() string {
	names := make([]string, len(workflow.RunStatuses))
	for i, s := range workflow.RunStatuses {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
