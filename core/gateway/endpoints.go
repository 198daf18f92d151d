package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/backflow/backflow/core/action"
)

// anyJSON is a body that may be any JSON: a workflow, an action or a signal
// says what it is.
var anyJSON json.RawMessage

// A bulk changes runs, events or messages to destinations: which of these scopes is
// needed is known once it was read.
const (
	readsBulk  = "runs:read or events:read or destinations:read"
	writesBulk = "runs:write or events:write or destinations:write"
)

// endpoints are what every gateway has, beside its mounts and webhooks. Where
// several paths fit a request, the first of them counts.
func endpoints() []endpoint {
	return []endpoint{
		{
			method: http.MethodGet, path: "/healthz", public: true, exemptFromOverload: true,
			in:      input{anyQuery: true},
			out:     okJSON(healthJSON{}),
			doc:     "Says that the process works.",
			handler: (*requestContext).health,
		},
		{
			method: http.MethodGet, path: "/readyz", public: true, exemptFromOverload: true,
			in:      input{anyQuery: true},
			out:     []output{{status: http.StatusOK, body: Readiness{}}, {status: http.StatusServiceUnavailable, body: Readiness{}}},
			doc:     "Says whether requests should be sent here, and the state of each integration.",
			handler: (*requestContext).ready,
		},
		{
			method: http.MethodGet, path: "/integrations", scope: "integrations:*:*",
			out:     okJSON(list[integrationSummary]{}),
			doc:     "Lists the integrations of which the caller may call something.",
			handler: (*requestContext).listIntegrations,
		},
		{
			method: http.MethodGet, path: "/integrations/{integration}", scope: "integrations:{integration}:*",
			out:     okJSON(integrationDetail{}),
			doc:     "Shows an integration and its actions.",
			handler: (*requestContext).showIntegration,
		},
		{
			method: http.MethodGet, path: "/integrations/{integration}/actions/{action}", scope: "integrations:{integration}:{action}",
			out:     okJSON(action.View{}),
			doc:     "Shows an action of an integration.",
			handler: (*requestContext).showAction,
		},
		{
			method: http.MethodPost, path: "/integrations/{integration}/actions/{action}", scope: "integrations:{integration}:{action}",
			in:      input{body: anyJSON, key: true, anyQuery: true},
			out:     []output{{status: http.StatusOK, contentType: anyContentType}},
			doc:     "Calls an action by its name, with its params as body.",
			find:    (*requestContext).actionByName,
			handler: (*requestContext).callAction,
		},
		{
			method: http.MethodPost, path: "/integrations/{integration}/sandbox/{command}", scope: "admin",
			in:      input{query: []string{}, body: anyJSON, key: true},
			out:     okJSON(anyJSON),
			doc:     "Has the sandbox of an integration do a command, with its params as body.",
			find:    (*requestContext).sandboxCommand,
			handler: (*requestContext).callAction,
		},
		{
			path: "/integrations/{integration}/{endpoint...}", scope: "integrations:{integration}:{action}",
			in:      input{body: anyJSON, key: true, anyQuery: true},
			out:     []output{{status: http.StatusOK, contentType: anyContentType}},
			doc:     "Calls the action that is bound to the method and path, with its params in path, query and body.",
			find:    (*requestContext).actionByBinding,
			handler: (*requestContext).callAction,
		},
		{
			method: http.MethodGet, path: "/webhooks/{webhook}/refused", scope: "events:read",
			in:      input{query: []string{"limit", "cursor"}},
			out:     okJSON(list[refusedRequestSummary]{}),
			doc:     "Lists the last requests that a webhook refused, the newest first.",
			handler: (*requestContext).listRefused,
		},
		{
			method: http.MethodGet, path: "/webhooks/{webhook}/refused/{number}", scope: "events:read",
			out:     okJSON(refusedRequestJSON{}),
			doc:     "Shows a refused request, with what is kept of it.",
			handler: (*requestContext).showRefused,
		},
		{
			method: http.MethodGet, path: "/workflows", scope: "workflows:*:read",
			out:     okJSON(list[workflowJSON]{}),
			doc:     "Lists the workflows that the caller may see.",
			handler: (*requestContext).listWorkflows,
		},
		{
			method: http.MethodGet, path: "/workflows/{workflow}", scope: "workflows:{workflow}:read",
			out:     okJSON(workflowJSON{}),
			doc:     "Shows a workflow with its whole definition.",
			handler: (*requestContext).showWorkflow,
		},
		{
			method: http.MethodPost, path: "/workflows/{workflow}/runs", scope: "workflows:{workflow}:run", stateful: writesState,
			in:      input{query: []string{"wait"}, body: anyJSON, key: true},
			out:     []output{{status: http.StatusAccepted, body: startedJSON{}}, {status: http.StatusOK, body: runJSON{}}},
			doc:     "Starts a run of a workflow, with the input as body.",
			handler: (*requestContext).startRun,
		},
		{
			method: http.MethodGet, path: "/runs", scope: "runs:read", stateful: readsState,
			in:      input{query: []string{"workflow", "status", "since", "limit", "cursor"}},
			out:     okJSON(list[runSummary]{}),
			doc:     "Lists runs, the newest first.",
			handler: (*requestContext).listRuns,
		},
		{
			method: http.MethodGet, path: "/runs/{run}", scope: "runs:read", stateful: readsState,
			out:     okJSON(runJSON{}),
			doc:     "Shows a run with its steps.",
			handler: (*requestContext).showRun,
		},
		{
			method: http.MethodGet, path: "/runs/{run}/steps/{step}/result", scope: "runs:read", stateful: readsState,
			in:      input{query: []string{}},
			out:     okJSON(anyJSON),
			doc:     "Shows the whole result of a step of a run, by the step's path.",
			handler: (*requestContext).showResult,
		},
		{
			method: http.MethodGet, path: "/runs/{run}/stream", scope: "runs:read", stateful: writesState,
			out: []output{
				{status: http.StatusOK, contentType: "text/event-stream", body: eventJSON{}},
				{status: http.StatusNoContent},
			},
			doc:     "Follows a run as Server-Sent Events.",
			handler: (*requestContext).streamRun,
		},
		{
			method: http.MethodPost, path: "/runs/{run}/cancel", scope: "runs:write", stateful: writesState,
			in:      input{query: []string{"wait"}, body: struct{}{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: runSummary{}}, {status: http.StatusOK, body: runJSON{}}},
			doc:     "Cancels a run.",
			handler: (*requestContext).cancelRun,
		},
		{
			method: http.MethodPost, path: "/runs/{run}/retry", scope: "runs:write", stateful: writesState,
			in:      input{query: []string{"wait"}, body: retryJSON{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: runSummary{}}, {status: http.StatusOK, body: runJSON{}}},
			doc:     "Lets a failed run go on from where it failed, or has one that waits make its next attempt now.",
			handler: (*requestContext).retryRun,
		},
		{
			method: http.MethodPost, path: "/runs/{run}/rerun", scope: "runs:write", stateful: writesState, // and workflows:ID:run of its workflow
			in:      input{query: []string{"wait"}, body: struct{}{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: startedJSON{}}, {status: http.StatusOK, body: runJSON{}}},
			doc:     "Starts a run with the same input in the place of one that has ended.",
			handler: (*requestContext).rerunRun,
		},
		{
			method: http.MethodPost, path: "/runs/{run}/signals/{signal}", scope: "runs:write", stateful: writesState,
			in:      input{body: anyJSON, key: true},
			out:     []output{{status: http.StatusAccepted, body: runSummary{}}},
			doc:     "Hands a signal to a run, with the result of the step that waits for it as body.",
			handler: (*requestContext).signalRun,
		},
		{
			method: http.MethodGet, path: "/events", scope: "events:read", stateful: readsState,
			in:      input{query: eventQuery},
			out:     okJSON(list[eventSummary]{}),
			doc:     "Lists received events, the newest first.",
			handler: (*requestContext).listEvents,
		},
		{
			method: http.MethodGet, path: "/events/stream", scope: "events:read", stateful: writesState,
			in:      input{query: []string{"webhook", "type", "status"}},
			out:     []output{{status: http.StatusOK, contentType: "text/event-stream", body: eventSummary{}}},
			doc:     "Follows received events as Server-Sent Events.",
			handler: (*requestContext).streamEvents,
		},
		{
			method: http.MethodGet, path: "/events/{event}", scope: "events:read", stateful: readsState,
			in:      input{query: []string{"webhook"}},
			out:     okJSON(eventDetail{}),
			doc:     "Shows an event, by the sender's id or its uid.",
			handler: (*requestContext).showEvent,
		},
		{
			method: http.MethodPost, path: "/events/{event}/replay", scope: "events:write", stateful: writesState,
			in:      input{query: []string{"webhook", "wait"}, body: replayJSON{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: replayedJSON{}}, {status: http.StatusOK, body: replayedJSON{}}},
			doc:     "Has what was not done of an event be done by the present definition.",
			handler: (*requestContext).replayEvent,
		},
		{
			method: http.MethodPost, path: "/bulk", scope: "runs:write or events:write", stateful: writesState, // that of what it changes
			in:      input{body: bulkRequestJSON{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: bulkJSON{}}, {status: http.StatusOK, body: bulkJSON{}}},
			doc:     "Retries, cancels or reruns the runs that a filter selects, or replays events, or shows which they are.",
			handler: (*requestContext).createBulk,
		},
		{
			method: http.MethodGet, path: "/bulk/{bulk}", scope: readsBulk, stateful: readsState,
			out:     okJSON(bulkJSON{}),
			doc:     "Shows a bulk and how far it is.",
			handler: (*requestContext).showBulk,
		},
		{
			method: http.MethodGet, path: "/bulk/{bulk}/items", scope: readsBulk, stateful: readsState,
			in:      input{query: []string{"limit", "cursor"}},
			out:     okJSON(list[bulkItemJSON]{}),
			doc:     "Lists the runs of a bulk with what became of them.",
			handler: (*requestContext).listBulkItems,
		},
		{
			method: http.MethodPost, path: "/bulk/{bulk}/pause", scope: writesBulk, stateful: writesState,
			in:      input{body: struct{}{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: bulkJSON{}}},
			doc:     "Pauses a running bulk.",
			handler: (*requestContext).pauseBulk,
		},
		{
			method: http.MethodPost, path: "/bulk/{bulk}/resume", scope: writesBulk, stateful: writesState,
			in:      input{body: struct{}{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: bulkJSON{}}},
			doc:     "Has a bulk run that was previewed or paused.",
			handler: (*requestContext).resumeBulk,
		},
		{
			method: http.MethodPost, path: "/bulk/{bulk}/cancel", scope: writesBulk, stateful: writesState,
			in:      input{body: struct{}{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: bulkJSON{}}},
			doc:     "Ends a bulk: the runs that are left stay as they are.",
			handler: (*requestContext).cancelBulk,
		},
		{
			method: http.MethodGet, path: "/destinations", scope: "destinations:read", stateful: readsState,
			out:     okJSON(list[destinationJSON]{}),
			doc:     "Lists the destinations that messages are sent to.",
			handler: (*requestContext).listDestinations,
		},
		{
			method: http.MethodGet, path: "/destinations/{destination}", scope: "destinations:read", stateful: readsState,
			out:     okJSON(destinationJSON{}),
			doc:     "Shows a destination.",
			handler: (*requestContext).showDestination,
		},
		{
			method: http.MethodGet, path: "/destinations/{destination}/messages", scope: "destinations:read", stateful: readsState,
			in:      input{query: []string{"status", "type", "since", "limit", "cursor"}},
			out:     okJSON(list[messageJSON]{}),
			doc:     "Lists the messages to a destination, the newest first.",
			handler: (*requestContext).listMessages,
		},
		{
			method: http.MethodPost, path: "/destinations/{destination}/enable", scope: "destinations:write", stateful: writesState,
			in:      input{body: struct{}{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: destinationJSON{}}},
			doc:     "Enables a destination, once one held message was taken.",
			handler: (*requestContext).enableDestination,
		},
		{
			method: http.MethodPost, path: "/destinations/{destination}/disable", scope: "destinations:write", stateful: writesState,
			in:      input{body: disableJSON{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: destinationJSON{}}},
			doc:     "Disables a destination: its messages are held.",
			handler: (*requestContext).disableDestination,
		},
		{
			method: http.MethodPost, path: "/destinations/{destination}/replay", scope: "destinations:write", stateful: writesState,
			in:      input{body: resendJSON{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: messageJSON{}}, {status: http.StatusAccepted, body: bulkJSON{}}},
			doc:     "Sends a message again, or those that have failed and that a filter selects.",
			handler: (*requestContext).replayMessages,
		},
		{
			method: http.MethodGet, path: "/.well-known/webhook-keys", public: true,
			in:      input{anyQuery: true},
			out:     okJSON(webhookKeysJSON{}),
			doc:     "Shows the public keys that sent messages are verified with.",
			handler: (*requestContext).showWebhookKeys,
		},
		{
			method: http.MethodGet, path: "/webhooks/{webhook}/reconcile", scope: "events:read", stateful: readsState,
			in:      input{query: []string{"pass"}},
			out:     okJSON(reconcileJSON{}),
			doc:     "Shows how the events of a webhook were compared with what its vendor lists.",
			handler: (*requestContext).showReconcile,
		},
		{
			method: http.MethodPost, path: "/webhooks/{webhook}/reconcile", scope: "events:write", stateful: writesState,
			in:      input{query: []string{"wait"}, body: reconcileRequestJSON{}, key: true},
			out:     []output{{status: http.StatusAccepted, body: passJSON{}}, {status: http.StatusOK, body: passJSON{}}},
			doc:     "Compares the events of a webhook with what its vendor lists, and takes in what never arrived.",
			handler: (*requestContext).reconcileWebhook,
		},
	}
}
