package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/workflow"
)

// Bounds of what Status asks a gateway.
const (
	// statusTimeout bounds each of its requests.
	statusTimeout = 10 * time.Second
	// statusRuns is how many runs are shown that failed, and that need help.
	statusRuns = 5
	// statusPage is how many runs of a status are counted where no metric tells.
	statusPage = 200
	// failedWithin is how long ago a run may have been accepted that is shown as
	// failed.
	failedWithin = 24 * time.Hour
)

// Status is what a gateway is doing, as far as the token may see it.
type Status struct {
	Address string `json:"address"`
	Ready   bool   `json:"ready"`
	// Status is the gateway's own word, such as "ready" or "state store unavailable".
	Status  string `json:"status"`
	Version string `json:"version,omitempty"`
	// StartedAt is when the process started, nil if that is not known.
	StartedAt    *time.Time          `json:"startedAt,omitempty"`
	Integrations []integrationStatus `json:"integrations"`
	Workflows    []string            `json:"workflows,omitempty"`
	Runs         []runCount          `json:"runs,omitempty"`
	Queue        *queueStatus        `json:"queue,omitempty"`
	// Failed are the latest runs that failed within a day, Stuck some that wait for
	// another attempt or a decision.
	Failed []json.RawMessage `json:"failed,omitempty"`
	Stuck  []json.RawMessage `json:"stuck,omitempty"`
	// Unknown says what the gateway did not tell, and why.
	Unknown []string `json:"unknown,omitempty"`
}

// integrationStatus is the state of an integration.
type integrationStatus struct {
	Name     string     `json:"name"`
	State    string     `json:"state"`
	Since    *time.Time `json:"since,omitempty"`
	Restarts int64      `json:"restarts,omitempty"`
	RetryAt  *time.Time `json:"retryAt,omitempty"`
}

// runCount is how many runs have a status that is no end.
type runCount struct {
	Status workflow.RunStatus `json:"status"`
	Count  int64              `json:"count"`
	// More says that there are more than Count.
	More bool `json:"more,omitempty"`
}

// queueStatus is what waits for a gateway.
type queueStatus struct {
	Length           int64   `json:"length"`
	OldestAgeSeconds float64 `json:"oldestAgeSeconds"`
}

// Status asks the gateway what it is doing. The error is that of a gateway that
// says nothing; what it does not tell this token is in Status.Unknown.
func (c *Client) Status(ctx context.Context, now time.Time) (*Status, error) {
	s := &Status{Address: c.Address, Integrations: []integrationStatus{}}
	if err := c.readiness(ctx, s); err != nil {
		return nil, err
	}
	var mu sync.Mutex                    // guards what the questions write
	unknown := make(map[string][]string) // what is not told, by the reason
	var questions sync.WaitGroup
	ask := func(what string, question func(context.Context) (func(), error)) {
		questions.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, statusTimeout)
			defer cancel()
			write, err := question(ctx)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unknown[err.Error()] = append(unknown[err.Error()], what)
				return
			}
			write()
		})
	}
	ask("version, time of the start and queue", func(ctx context.Context) (func(), error) {
		families, err := c.metrics(ctx)
		return func() { s.measured(families) }, err
	})
	ask("workflows", func(ctx context.Context) (func(), error) {
		var found struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		err := c.Get(ctx, "/workflows", &found)
		return func() {
			s.Workflows = []string{}
			for _, w := range found.Data {
				s.Workflows = append(s.Workflows, w.ID)
			}
		}, err
	})
	ask("runs that failed", func(ctx context.Context) (func(), error) {
		page, err := c.runs(ctx, url.Values{"status": {"failed"}, "since": {now.Add(-failedWithin).UTC().Format(time.RFC3339)}, "limit": {fmt.Sprint(statusRuns)}})
		return func() { s.Failed = page.Data }, err
	})
	counts := make(map[workflow.RunStatus]runCount)
	for _, status := range workflow.RunStatuses {
		if status.Ended() {
			continue
		}
		ask(string(status)+" runs", func(ctx context.Context) (func(), error) {
			page, err := c.runs(ctx, url.Values{"status": {string(status)}, "limit": {fmt.Sprint(statusPage)}})
			return func() {
				counts[status] = runCount{status, int64(len(page.Data)), page.NextCursor != nil}
				s.addStuck(page.Data)
			}, err
		})
	}
	questions.Wait()
	s.count(counts)
	for _, reason := range slices.Sorted(maps.Keys(unknown)) {
		slices.Sort(unknown[reason])
		s.Unknown = append(s.Unknown, strings.Join(unknown[reason], ", ")+": "+reason)
	}
	return s, nil
}

// Page is a page of a list. NextCursor is nil where the list ends.
type Page struct {
	Data       []json.RawMessage `json:"data"`
	NextCursor *string           `json:"nextCursor"`
}

func (c *Client) runs(ctx context.Context, query url.Values) (Page, error) {
	var page Page
	err := c.Get(ctx, "/runs?"+query.Encode(), &page)
	return page, err
}

// readiness asks whether the gateway is ready, which everybody may.
func (c *Client) readiness(ctx context.Context, s *Status) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var found struct {
		Status       string                       `json:"status"`
		Integrations map[string]integrationStatus `json:"integrations"`
	}
	status, data, err := c.read(ctx, "/readyz", http.StatusServiceUnavailable)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &found); err != nil || found.Status == "" {
		return &Problem{status, fmt.Sprintf("what responds at %s is no Backflow gateway: its /readyz says nothing of a gateway", c.address())}
	}
	s.Ready, s.Status = status == http.StatusOK, found.Status
	for _, name := range slices.Sorted(maps.Keys(found.Integrations)) {
		integration := found.Integrations[name]
		integration.Name = name
		s.Integrations = append(s.Integrations, integration)
	}
	return nil
}

// read reads what is at a path. A response with another status than 200 and those
// given is an error.
func (c *Client) read(ctx context.Context, path string, also ...int) (status int, data []byte, err error) {
	res, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }() // it was read to its end, or is of no more use
	if data, err = io.ReadAll(io.LimitReader(res.Body, maxResponse)); err != nil {
		return 0, nil, c.unreachable(ctx, err)
	}
	if res.StatusCode != http.StatusOK && !slices.Contains(also, res.StatusCode) {
		return 0, nil, c.problemOf(res, data)
	}
	return res.StatusCode, data, nil
}

// metrics reads the metrics of the gateway.
func (c *Client) metrics(ctx context.Context) (map[string]*dto.MetricFamily, error) {
	_, data, err := c.read(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the metrics cannot be read: %w", err)
	}
	return families, nil
}

// measured takes from the metrics what they tell.
func (s *Status) measured(families map[string]*dto.MetricFamily) {
	for _, metric := range families["backflow_build_info"].GetMetric() {
		s.Version = label(metric, "version")
	}
	for _, metric := range families["process_start_time_seconds"].GetMetric() {
		started := time.UnixMilli(int64(metric.GetGauge().GetValue() * 1000)).UTC()
		s.StartedAt = &started
	}
	if length, told := families["backflow_queue_length"]; told {
		s.Queue = &queueStatus{}
		for _, metric := range length.GetMetric() {
			s.Queue.Length += int64(metric.GetGauge().GetValue())
		}
		for _, metric := range families["backflow_queue_age_seconds"].GetMetric() {
			s.Queue.OldestAgeSeconds = max(s.Queue.OldestAgeSeconds, metric.GetGauge().GetValue())
		}
	}
	counted := make(map[workflow.RunStatus]int64)
	for _, name := range []string{"backflow_runs", "backflow_runs_active"} {
		family, told := families[name]
		if !told {
			return // the lists count
		}
		for _, metric := range family.GetMetric() {
			counted[workflow.RunStatus(label(metric, "status"))] += int64(metric.GetGauge().GetValue())
		}
	}
	for status, n := range counted {
		s.Runs = append(s.Runs, runCount{Status: status, Count: n})
	}
}

// label returns the value of a metric's label, "" if it has none of that name.
func label(metric *dto.Metric, name string) string {
	for _, pair := range metric.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}

// count takes the counts of the lists where the metrics tell none, and puts them in
// the order of a run's life.
func (s *Status) count(lists map[workflow.RunStatus]runCount) {
	measured := make(map[workflow.RunStatus]runCount)
	for _, n := range s.Runs {
		measured[n.Status] = n
	}
	s.Runs = nil
	for _, status := range workflow.RunStatuses {
		if n, told := measured[status]; told {
			s.Runs = append(s.Runs, n)
		} else if n, told := lists[status]; told {
			s.Runs = append(s.Runs, n)
		}
	}
}

// addStuck adds the runs that wait for another attempt or a decision.
func (s *Status) addStuck(runs []json.RawMessage) {
	for _, data := range runs {
		var v runView
		if json.Unmarshal(data, &v) == nil && (v.WaitingFor == "retry" || v.WaitingFor == "decision") && len(s.Stuck) < statusRuns {
			s.Stuck = append(s.Stuck, data)
		}
	}
}

// Write writes the status for people.
func (s *Status) Write(w io.Writer, now time.Time) error {
	table := terminal.NewTable(w)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, terminal.Printable(value))
		}
	}
	row("gateway", s.Address)
	row("status", s.Status)
	row("version", s.Version)
	if s.StartedAt != nil {
		row("up", short(now.Sub(*s.StartedAt))+", since "+s.StartedAt.Format(time.RFC3339))
	}
	row("workflows", strings.Join(s.Workflows, ", "))
	var counts []string
	for _, n := range s.Runs {
		count := fmt.Sprintf("%d %s", n.Count, n.Status)
		if n.More {
			count = "more than " + count
		}
		counts = append(counts, count)
	}
	row("runs", strings.Join(counts, ", "))
	if s.Queue != nil {
		queue := fmt.Sprintf("%d wait for a gateway", s.Queue.Length)
		if s.Queue.Length > 0 {
			queue += ", the oldest for " + short(time.Duration(s.Queue.OldestAgeSeconds*float64(time.Second)))
		}
		row("queue", queue)
	}
	for _, what := range s.Unknown {
		row("not known", strings.ReplaceAll(what, "\n", "; "))
	}
	if len(s.Integrations) > 0 {
		fmt.Fprintln(table, "\nINTEGRATION\tSTATE\tSINCE\tRESTARTS\tNEXT START")
	}
	for _, i := range s.Integrations {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", terminal.Printable(i.Name), terminal.Printable(i.State), timeCell(i.Since), i.Restarts, timeCell(i.RetryAt))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		runs  []json.RawMessage
	}{{"Failed within a day, the latest first:", s.Failed}, {"Waiting for another attempt or a decision:", s.Stuck}} {
		if len(part.runs) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n\n", part.title)
		if err := WriteRuns(w, part.runs); err != nil {
			return err
		}
	}
	return nil
}

func timeCell(at *time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
