package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// measureStore measures the subjects on one kind of store.
func measureStore(ctx context.Context, o options, store, dir string, p programs, stubURL string, d *sender) (err error) {
	defer d.close()
	var subjects []*subject
	var stops []func() error // the last one first
	defer func() {
		for _, stop := range slices.Backward(stops) {
			err = errors.Join(err, stop())
		}
	}()
	for _, name := range o.subjects {
		own := filepath.Join(dir, name)
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		m := medium{path: filepath.Join(own, "state.db")}
		if fsync, ok := strings.CutPrefix(store, "redis-"); ok {
			// Each has a Redis of its own: they share nothing but the disk.
			url, stop, err := startRedis(ctx, own, fsync)
			if err != nil {
				return err
			}
			stops = append(stops, stop)
			m = medium{url: url}
		}
		var s *subject
		switch name {
		case "gateway":
			s, err = startGateway(ctx, name, p, own, customConfig(m, stubURL))
		case "plugin":
			s, err = startGateway(ctx, name, p, own, pluginConfig(p, m, stubURL))
		default:
			s, err = startSelf(ctx, name, own, m, stubURL, o.profile)
		}
		if err != nil {
			return err
		}
		s.message = startRun
		subjects, stops = append(subjects, s), append(stops, s.stop)
	}
	fmt.Printf("\n## %s\n\n%s", store, reportHead)
	for _, callers := range o.callers {
		results, err := d.rounds(ctx, o, callers, subjects)
		if err != nil {
			return err
		}
		report(os.Stdout, callers, results)
	}
	return nil
}

// Of the start, how often it is measured, and how long a gateway is left alone
// before its memory counts.
const (
	starts = 5
	settle = 3 * time.Second
)

// measureStart measures the time from exec to the first 200 of /readyz, and the
// memory that is resident when nothing happens.
func measureStart(ctx context.Context, w io.Writer, p programs, dir string) error {
	config := map[string]any{
		"credentials": map[string]any{
			"stripe":   map[string]any{"secretKey": "sk_test_load", "webhookSecret": "whsec_load"},
			"database": map[string]any{},
		},
		"pluginDirs": []string{filepath.Join(filepath.Dir(p.backflow), "product")},
	}
	var times []time.Duration
	var idle usage
	names := map[int]string{}
	for i := range starts {
		s, err := startGateway(ctx, "gateway", p, dir, config)
		if err != nil {
			return err
		}
		times = append(times, s.readyIn)
		if i == starts-1 {
			time.Sleep(settle)
			if idle, err = usageOf(s.cmd.Process.Pid); err != nil {
				return errors.Join(err, s.stop())
			}
			for pid := range idle.resident {
				names[pid] = nameOf(pid)
			}
		}
		if err := s.stop(); err != nil {
			return err
		}
	}
	slices.Sort(times)
	fmt.Fprintf(w, "\n## start\n\nexec to ready, with both plugins: median %d ms, slowest %d ms of %d\n\n| process | resident MiB |\n| --- | --- |\n",
		times[starts/2].Milliseconds(), times[starts-1].Milliseconds(), starts)
	for _, pid := range slices.Sorted(maps.Keys(idle.resident)) {
		fmt.Fprintf(w, "| %s | %d |\n", names[pid], idle.resident[pid]>>20)
	}
	return nil
}
