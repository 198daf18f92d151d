package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// writePost writes a POST to be pasted. The address is quoted for a shell.
func writePost(b *strings.Builder, what string, saved devState, address, body string) {
	fmt.Fprintf(b, "\n%s:\n\n  curl -X POST %s \\\n    -H %s \\\n    -H 'Content-Type: application/json' \\\n    -d %s\n",
		what, address, shellQuote("Authorization: Bearer "+saved.Token), shellQuote(body))
}

// writeFirstCalls writes a call of the first action of an integration that has an
// endpoint and an example, and one that goes on with what the first has made.
func writeFirstCalls(b *strings.Builder, saved devState, m *sdk.Manifest) {
	for i := range m.Actions {
		first := &m.Actions[i]
		if first.HTTP == nil || first.HTTP.Method != http.MethodPost || strings.Contains(first.HTTP.Path, ":") || first.HTTP.Body != "" || len(first.Examples) == 0 {
			continue
		}
		root := saved.Address + "/integrations/" + m.Name
		writePost(b, "Call "+m.Name+"."+first.Name, saved, root+first.HTTP.Path, string(first.Examples[0].Params))
		if next, ok := nextCall(m, first); ok {
			newest := fmt.Sprintf(`$(curl -s '%s%s?limit=1' -H %s | grep -o '"%s[0-9A-Za-z]*' | head -n 1 | tr -d '"')`,
				root, first.HTTP.Path, shellQuote("Authorization: Bearer "+saved.Token), next.idPrefix)
			writePost(b, fmt.Sprintf("Go on with it: call %s.%s with the newest", m.Name, next.name), saved,
				`"`+root+first.HTTP.Path+"/"+newest+"/"+next.verb+`"`, next.body)
		}
		return
	}
}

// followUp is a call that goes on with what another one has made.
type followUp struct {
	name, verb, idPrefix, body string
}

var (
	verbPath   = regexp.MustCompile(`^/:([A-Za-z0-9_]+)/([a-z-]+)$`)
	prefixedID = regexp.MustCompile(`^([a-z]+_)[0-9A-Za-z]+$`)
)

// nextCall finds the first action that does something to what another one makes, as
// POST /payments/:id/confirm does after POST /payments: one whose example says with
// what, where the newest can be listed.
func nextCall(m *sdk.Manifest, first *sdk.ActionSpec) (followUp, bool) {
	listed := false
	for i := range m.Actions {
		binding := m.Actions[i].HTTP
		listed = listed || binding != nil && binding.Method == http.MethodGet && binding.Path == first.HTTP.Path
	}
	for i := range m.Actions {
		act := &m.Actions[i]
		if !listed || act.HTTP == nil || act.HTTP.Method != http.MethodPost || len(act.Examples) == 0 {
			continue
		}
		rest, below := strings.CutPrefix(act.HTTP.Path, first.HTTP.Path)
		path := verbPath.FindStringSubmatch(rest)
		var params map[string]json.RawMessage
		if !below || path == nil || json.Unmarshal(act.Examples[0].Params, &params) != nil || len(params) < 2 {
			continue
		}
		var id string
		prefix := []string(nil)
		if json.Unmarshal(params[path[1]], &id) == nil {
			prefix = prefixedID.FindStringSubmatch(id)
		}
		delete(params, path[1])
		body, err := json.Marshal(params)
		if prefix == nil || err != nil {
			continue
		}
		return followUp{act.Name, path[2], prefix[1], string(body)}, true
	}
	return followUp{}, false
}

// writeEvents writes where the events of a sandbox arrive, how to see what came of them,
// and how its time is moved.
func (p *program) writeEvents(b *strings.Builder, plan *compile.Plan, registry *action.Registry, saved devState) {
	for _, integration := range registry.Integrations() {
		if !action.InSandbox(integration) {
			continue
		}
		for _, w := range plan.SandboxWebhooks(integration.Name()) {
			fmt.Fprintf(b, "\nThe sandbox of %s sends its events, signed, to %s. Each is a run:\n\n  %s runs list --workflow %s\n",
				integration.Name(), w.Path, p.calledAs, event.WorkflowID(w.Name))
			writeRows(b, plan, w.Name)
		}
		if m := integration.Manifest(); m != nil && slices.ContainsFunc(m.Actions, func(act sdk.ActionSpec) bool {
			return act.HTTP != nil && act.HTTP.Method == http.MethodGet && act.HTTP.Path == "/events"
		}) {
			fmt.Fprintf(b, "\nThe events as %s has them:\n\n  curl %s \\\n    -H %s\n",
				integration.Name(), shellQuote(saved.Address+"/integrations/"+integration.Name()+"/events?limit=3"), shellQuote("Authorization: Bearer "+saved.Token))
		}
		fmt.Fprintf(b, "\nMove the time of that sandbox, and see what becomes due:\n\n  %s sandbox advance 31d\n", p.calledAs)
	}
}

// tableName is a name that no shell and no SQL reads as anything else.
var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// writeRows writes how to see the rows that the actions of a webhook insert into the
// SQLite file of dev, which is there where the config names no other database.
func writeRows(b *strings.Builder, plan *compile.Plan, name string) {
	var database struct{ URL string }
	if json.Unmarshal(plan.Config.Credentials["database"].Reveal(), &database) != nil || database.URL != "" {
		return
	}
	for _, d := range plan.Definitions {
		if d.ID != event.WorkflowID(name) {
			continue
		}
		d.Walk(func(step *workflow.Step) {
			params, _ := step.Source.(map[string]any)
			table, _ := params["table"].(string)
			if step.Integration != "database" || !tableName.MatchString(table) {
				return
			}
			fmt.Fprintf(b, "\nIts rows, by any SQLite client:\n\n  sqlite3 %s 'SELECT * FROM %s'\n", filepath.Join(devDir, "app.db"), table)
		})
	}
}
