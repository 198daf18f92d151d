package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/telemetry"
)

// Options say which plugin to check, and how.
type Options struct {
	// Launcher starts it.
	Launcher plugin.Launcher
	// Spec is the plugin. If its name is empty, the manifest may have any.
	Spec plugin.Spec
	// Credentials are handed to it; nil if there are none.
	Credentials json.RawMessage
	// BaseDir is the directory of relative paths in the credentials. DataDir is where
	// the plugin may keep files. Both are absolute.
	BaseDir, DataDir string
	// Timeout is how long an example may take; zero means DefaultTimeout.
	Timeout time.Duration
	// Logger gets what the plugin logs, with its secrets hidden.
	Logger *slog.Logger
}

// DefaultTimeout is how long an example may take.
const DefaultTimeout = 10 * time.Second

// The other times that a plugin has. They are long: a plugin that needs more time
// keeps callers waiting.
const (
	startTime = 30 * time.Second // handshake, manifest, Configure
	// endTime is how long after the end of its deadline a call may take, and how
	// long a plugin may take to end.
	endTime = 3 * time.Second
)

// check is one check of the suite.
type check struct {
	name, promise string
	run           func(ctx context.Context, s *session, v *verdict)
	// needs is the stage that must have been reached.
	needs stage
}

// stage is how far a plugin has come.
type stage int

const (
	nothing    stage = iota
	started          // it runs
	described        // its manifest was read
	configured       // it may be called
)

// suite is all checks, in order.
var suite = []check{
	{"start", "it starts and shakes hands", checkStart, nothing},
	{"manifest", "its manifest is valid, and the same each time", checkManifest, started},
	{"schemas", "every schema compiles", checkSchemas, described},
	{"examples", "every action has examples, and they meet its schemas", checkExamples, described},
	{"bad-params", "its schemas refuse params that are no object", checkSchemasRefuse, described},
	{"configure", "it takes its configuration", checkConfigure, described},
	{"calls", "the examples work", checkCalls, configured},
	{"bad-params-called", "called with params that its schema forbids, it answers an error and goes on", checkBadParams, configured},
	{"unknown-action", "an action that it does not have is unknown_action", checkUnknownAction, configured},
	{"deadline", "a call ends when its deadline passes", checkDeadline, configured},
	{"cancellation", "calls that are given up do not keep it from answering others", checkCancellation, configured},
	{"concurrency", "it answers many calls at once", checkConcurrency, configured},
	{"repeated-key", "a repeat with the same key does what the manifest says", checkRepeatedKey, configured},
	{"big-params", "it answers a call with params of 1 MiB", checkBigParams, configured},
	{"webhook", "it accepts its own sample of a webhook, and refuses a forged one", checkWebhook, described},
	{"events", "asked for the events of the last hour, it returns them page by page", checkEvents, configured},
	{"fetch", "asked for what its own sample of a webhook is about, it returns that, or that it was deleted", checkFetch, configured},
	{"endpoint", "asked where a webhook would be registered, it says so and registers nothing", checkEndpoint, configured},
	{"uses", "asked to look only, it says what of the examples does not fit, and nothing of anything else", checkUses, configured},
	{"stdout", "it prints nothing to standard output", checkStdout, started},
	{"exit", "it ends when it is asked to, and in peace", checkExit, started},
}

// Run checks a plugin. A plugin that fails is no error: the report says so. The error
// is that of ctx, which bounds all checks.
func Run(ctx context.Context, options Options) (*Report, error) {
	s := &session{Options: options, mode: NotAtAll}
	if s.Timeout <= 0 {
		s.Timeout = DefaultTimeout
	}
	s.redactor.Add(options.Spec.Secrets...)
	s.Logger = slog.New(s.redactor.Handler(options.Logger.Handler()))
	report := &Report{Path: options.Spec.Path}
	for _, c := range suite {
		begun := time.Now()
		v := &verdict{redactor: &s.redactor}
		if s.stage < c.needs {
			v.skip("%s", s.obstacle(c.needs))
		} else {
			c.run(ctx, s, v)
		}
		if err := ctx.Err(); err != nil {
			s.abandon()
			return report, fmt.Errorf("check plugin: %w", err)
		}
		report.Checks = append(report.Checks, v.check(c, time.Since(begun)))
	}
	s.abandon()
	report.Ran = s.mode
	if s.manifest != nil {
		report.Plugin, report.Version = s.manifest.Name, s.manifest.Version
	}
	return report, nil
}

// verdict collects what a check finds.
type verdict struct {
	redactor *telemetry.Redactor
	faults   []string
	notes    []string
	reason   string
}

// fault says what is wrong: the check has failed.
func (v *verdict) fault(format string, args ...any) {
	v.faults = append(v.faults, v.redactor.String(fmt.Sprintf(format, args...)))
}

// note says what was done, or left out.
func (v *verdict) note(format string, args ...any) {
	v.notes = append(v.notes, v.redactor.String(fmt.Sprintf(format, args...)))
}

// skip says why nothing could be checked.
func (v *verdict) skip(format string, args ...any) {
	v.reason = v.redactor.String(fmt.Sprintf(format, args...))
}

func (v *verdict) check(c check, took time.Duration) Check {
	status := Passed
	switch {
	case len(v.faults) > 0:
		status, v.reason = Failed, ""
	case v.reason != "":
		status = Skipped
	}
	return Check{Name: c.name, Promise: c.promise, Status: status, Faults: v.faults, Reason: v.reason, Notes: v.notes, Took: took}
}
