package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// asError returns what is known of an error. One that is no *Error says nothing
// of the outcome, so that it is unknown; the end of the context is a timeout.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		if e == nil {
			e = &Error{Code: CodeInternal, Message: "the plugin answered a nil *sdk.Error as its error", Outcome: OutcomeUnknown}
		}
		return e
	}
	e = &Error{Code: CodeInternal, Message: err.Error(), Outcome: OutcomeUnknown}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		e.Code, e.Retryable = CodeTimeout, true
	}
	return e
}

// readManifest asks a plugin for its manifest. One that New has made also says
// what is wrong with its parts.
func readManifest(p Plugin, logger *slog.Logger) (manifest Manifest, err error) {
	err = guard(logger, "Manifest", func() error {
		manifest = p.Manifest()
		if checked, ok := p.(interface{ Check() error }); ok {
			if err := checked.Check(); err != nil {
				return Refuse(CodeInternal, "the plugin is not in order: %v", err)
			}
		}
		return nil
	})
	return manifest, err
}

// checkSize refuses a result that the wire has no room for.
func checkSize(result Result) error {
	if len(result.Body) <= MaxBodySize {
		return nil
	}
	return Executed(CodeResultTooLarge, "the result has %d bytes, more than the %d that a plugin may answer", len(result.Body), MaxBodySize)
}

// guard runs a method of the plugin and returns its panic as an error too, for what
// was under way may have taken effect. The stack goes to the log.
func guard(logger *slog.Logger, operation string, run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			logger.Error("panic in plugin", "operation", operation, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = Fail(CodeInternal, "the plugin panicked in %s: %v", operation, cause)
		}
	}()
	return run()
}

// notImplemented is the error of what a plugin can do only if it chooses to.
func notImplemented(what string) *Error {
	return Refuse(CodeUnknownAction, "the plugin does not implement %s", what)
}
