package conformance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
)

// session is one run of the suite: the plugin under check and what is known of it.
type session struct {
	Options
	redactor telemetry.Redactor
	stage    stage
	mode     Mode
	instance plugin.Instance // nil if none runs
	// printed counts what earlier instances printed to standard output.
	printed int64
	// finished is how the last instance ended when it was asked to, nil before.
	finished *finish
	manifest *sdk.Manifest
	subjects []*subject
}

// subject is an action whose examples can be called.
type subject struct {
	*sdk.ActionSpec
	treatment sdk.Treatment // of the example
	params    *schema.Schema
	result    *schema.Schema // nil if none exists
	example   json.RawMessage
	// key is the idempotency key of the example, empty for reads.
	key string
	// harmless says that calls have no effect, or only one in the sandbox.
	harmless bool
	// works says that the example has returned a result.
	works bool
}

// repeatable reports whether the example may be called again, with the same key if it
// writes.
func (s *subject) repeatable() bool { return s.works && (s.harmless || s.treatment.SafeToRepeat()) }

func newKey() string { return "conformance-" + rand.Text() }

// prepare makes subjects of the actions whose schema compiles and accepts the
// first example.
func (s *session) prepare() {
	for i := range s.manifest.Actions {
		action := &s.manifest.Actions[i]
		params, err := schema.Compile(action.Params)
		if err != nil || len(action.Examples) == 0 {
			continue
		}
		example := action.Examples[0].Params
		if faults, err := params.Check(example); err != nil || len(faults) > 0 {
			continue
		}
		subject := &subject{ActionSpec: action, treatment: action.For(example), params: params, example: example, harmless: !action.Writes || s.mode == InSandbox}
		if len(action.Result) > 0 {
			// checkSchemas reports a schema that does not compile.
			subject.result, _ = schema.Compile(action.Result)
		}
		if subject.treatment.Writes {
			subject.key = newKey()
		}
		s.subjects = append(s.subjects, subject)
	}
}

// obstacle says why a stage was not reached.
func (s *session) obstacle(needed stage) string {
	switch {
	case s.stage < started:
		return "the plugin does not start"
	case s.stage < described:
		return "its manifest cannot be read"
	case needed == configured && s.mode == NotAtAll && s.manifest != nil:
		return "it takes credentials, and none were given"
	default:
		return "it was not configured"
	}
}

// launch starts an instance.
func (s *session) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	instance, err := s.Launcher.Launch(ctx, s.Spec, s.Logger)
	if err != nil {
		return err
	}
	s.instance = instance
	return nil
}

// configure hands the config to the instance.
func (s *session) configure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return s.instance.Configure(ctx, s.config())
}

// config is what an instance is handed.
func (s *session) config() sdk.Config {
	credentials := s.Credentials
	if credentials == nil {
		credentials = json.RawMessage("{}")
	}
	return sdk.Config{Credentials: credentials, Sandbox: s.mode == InSandbox, BaseDir: s.BaseDir, DataDir: s.DataDir}
}

// ready makes sure that an instance runs: an earlier check may have ended the last
// one. It reports whether one does. If not, the verdict has the fault.
func (s *session) ready(ctx context.Context, v *verdict) bool {
	if s.instance != nil {
		if !hasEnded(s.instance) {
			return true
		}
		_, _ = s.close(ctx) // an earlier check has reported how it ended
	}
	err := s.launch(ctx)
	if err == nil && s.stage == configured {
		err = s.configure(ctx)
	}
	if err != nil {
		v.fault("it ended in an earlier check, and does not start again: %v", err)
		return false
	}
	return true
}

// close ends the instance and returns how it ended.
func (s *session) close(ctx context.Context) (plugin.Exit, error) {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	err := s.instance.Close(ctx)
	exit := s.instance.Exit()
	s.printed += exit.Printed
	s.instance = nil
	return exit, err
}

// finish is how an instance ended when it was asked to.
type finish struct {
	exit plugin.Exit
	err  error
}

// finish ends the instance of the calls, once: only then it is known how much it
// printed.
func (s *session) finish(ctx context.Context, v *verdict) *finish {
	if s.finished == nil && s.ready(ctx, v) {
		exit, err := s.close(ctx)
		s.finished = &finish{exit, err}
	}
	return s.finished
}

// abandon ends the instance, if there is one, without a check of how it ends.
func (s *session) abandon() {
	if s.instance != nil {
		// No check reports about this plugin any more.
		_, _ = s.close(context.Background())
	}
}

func hasEnded(instance plugin.Instance) bool {
	select {
	case <-instance.Done():
		return true
	default:
		return false
	}
}

// call executes an action within the time that an example has.
func (s *session) call(ctx context.Context, action string, params json.RawMessage, key string) (sdk.Result, error) {
	result, err := s.instance.Execute(ctx, time.Now().Add(s.Timeout), sdk.Call{
		Action: action, Params: params, IdempotencyKey: key, RequestID: newKey(),
	})
	if err != nil {
		return sdk.Result{}, s.explain(err)
	}
	if result.ContentType == "" && len(result.Body) > 0 && !json.Valid(result.Body) {
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeInternal, Message: "the result is not JSON, and has no content type"}
	}
	return result, nil
}

// explain adds to an error how the plugin ended, if it has.
func (s *session) explain(err error) error {
	var known *sdk.Error
	if !errors.As(err, &known) || known.Code != sdk.CodeUnavailable || !hasEnded(s.instance) {
		return err
	}
	more := *known
	more.Message = fmt.Sprintf("%s (%s)", known.Message, s.instance.Exit())
	return &more
}

// isBroken reports whether an error means that the plugin failed, and did not merely
// refuse the call.
func isBroken(err error) bool {
	var known *sdk.Error
	if !errors.As(err, &known) {
		return true
	}
	switch known.Code {
	case sdk.CodeInternal, sdk.CodeUnavailable, sdk.CodeTimeout, sdk.CodeOutcomeUnknown:
		return true
	}
	return false
}
