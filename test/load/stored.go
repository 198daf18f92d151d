package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How what piles up is measured.
const (
	flatCallers = 16
	listCalls   = 50
	removeWatch = 15 * time.Second // a window beside the removal of runs, and one before
	growthRuns  = 200_000
)

// measureStored measures a gateway on a store with many ended runs beside one
// on an empty store, the first pages of its lists, starts while half of the runs
// are removed, and the memory that many runs leave behind.
func measureStored(ctx context.Context, o options, w io.Writer, dir string, p programs, stubURL string, d *sender) (err error) {
	defer d.close()
	full := medium{path: filepath.Join(dir, "stored", "state.db")}
	if err := os.Mkdir(filepath.Dir(full.path), 0o700); err != nil {
		return err
	}
	began := time.Now()
	oldest, err := fill(ctx, full, stubURL, o.stored)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	fmt.Fprintf(w, "\n## %d ended runs in SQLite\n\nstored in %d s; the first line of a table takes the place of the floor\n\n", o.stored, int(time.Since(began).Seconds()))
	if err := measureBeside(ctx, o, w, dir, p, stubURL, d, full); err != nil {
		return err
	}
	return measureRemoval(ctx, o, w, dir, p, stubURL, d, full, oldest)
}

// measureBeside measures the load on an empty store and on the full one in
// turns, and then the lists of the full one.
func measureBeside(ctx context.Context, o options, w io.Writer, dir string, p programs, stubURL string, d *sender, full medium) (err error) {
	var subjects []*subject
	defer func() {
		for _, s := range subjects {
			err = errors.Join(err, s.stop())
		}
	}()
	empty := medium{path: filepath.Join(dir, "empty", "state.db")}
	for name, m := range map[string]medium{"empty": empty, "stored": full} {
		if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
			return err
		}
		s, err := startGateway(ctx, name, p, filepath.Dir(m.path), customConfig(m, stubURL))
		if err != nil {
			return err
		}
		s.message = startRun
		subjects = append(subjects, s)
	}
	slices.SortFunc(subjects, func(a, b *subject) int { return strings.Compare(a.name, b.name) })
	fmt.Fprint(w, reportHead)
	for _, callers := range o.callers {
		results, err := d.rounds(ctx, o, callers, subjects)
		if err != nil {
			return err
		}
		report(w, callers, results)
	}
	fmt.Fprint(w, "\n| list | p50 ms | slowest ms | runs |\n| --- | --- | --- | --- |\n")
	for _, query := range []string{
		"", "?limit=200", "?workflow=load", "?workflow=fails", "?status=succeeded", "?status=failed", "?status=running",
		"?status=waiting", "?status=queued", "?status=cancelled", "?workflow=load&status=succeeded",
		"?workflow=fails&status=failed", "?workflow=load&status=failed", "?since=2020-01-01T00:00:00Z",
	} {
		if err := d.list(ctx, w, subjects[1], "/runs"+query); err != nil {
			return err
		}
	}
	return nil
}

// list measures how long a page of a list takes.
func (d *sender) list(ctx context.Context, w io.Writer, s *subject, path string) error {
	var times []time.Duration
	var page struct{ Data []json.RawMessage }
	for range listCalls {
		began := time.Now()
		status, answer, err := d.get(ctx, s, path)
		times = append(times, time.Since(began))
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s: status %d: %s", path, status, answer)
		}
		if err == nil {
			err = json.Unmarshal(answer, &page)
		}
		if err != nil {
			return err
		}
	}
	slices.Sort(times)
	fmt.Fprintf(w, "| `%s` | %.2f | %.2f | %d |\n", path, millis(times[listCalls/2]), millis(times[listCalls-1]), len(page.Data))
	return nil
}

func (d *sender) get(ctx context.Context, s *subject, path string) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := d.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, errors.Join(err, response.Body.Close())
}

// measureRemoval measures a gateway that is to keep half of the runs, before it
// begins to remove the others and while it does, and then what it holds in
// memory as it makes further runs.
func measureRemoval(ctx context.Context, o options, w io.Writer, dir string, p programs, stubURL string, d *sender, full medium, oldest string) (err error) {
	config := customConfig(full, stubURL)
	config["state"].(map[string]any)["retention"] = map[string]any{"maxRuns": o.stored / 2}
	s, err := startGateway(ctx, "stored", p, filepath.Join(dir, "stored"), config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	s.message = startRun
	before, err := d.measure(ctx, s, flatCallers, removeWatch)
	if err != nil {
		return err
	}
	for removing := false; !removing; { // the oldest goes first
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		status, answer, err := d.get(ctx, s, "/runs/"+oldest)
		if err != nil || (status != http.StatusOK && status != http.StatusNotFound) {
			return fmt.Errorf("run %s: %d %s: %w", oldest, status, answer, err)
		}
		removing = status == http.StatusNotFound
	}
	beside, err := d.measure(ctx, s, flatCallers, removeWatch)
	if err != nil {
		return err
	}
	fmt.Fprint(w, "\nbeside the removal of half of them:\n\n"+reportHead)
	report(w, flatCallers, []result{{"before", []point{before}}, {"removing", []point{beside}}})
	fmt.Fprintf(w, "\n| further runs | resident MiB |\n| --- | --- |\n")
	for made := 0; made < growthRuns; {
		ran, err := d.load(ctx, s, 4*flatCallers, removeWatch)
		if err != nil {
			return err
		}
		made += len(ran)
		used, err := usageOf(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %d | %d |\n", made, used.resident[s.cmd.Process.Pid]>>20)
	}
	return nil
}
