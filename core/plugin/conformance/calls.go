package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
	"github.com/backflow/backflow/sdk/value"
)

// skipIfUntried skips a check for which there was no action.
func skipIfUntried(v *verdict, tried int, what string) {
	if tried == 0 && len(v.faults) == 0 {
		v.skip("there is no action %s", what)
	}
}

func checkCalls(ctx context.Context, s *session, v *verdict) {
	skipIfUntried(v, len(s.subjects), "with an example that meets its schema")
	defer func() {
		if len(s.subjects) > 0 && len(v.faults) == 0 && !slices.ContainsFunc(s.subjects, func(subject *subject) bool { return subject.works }) {
			v.fault("no example works")
		}
	}()
	for _, subject := range s.subjects {
		if !s.ready(ctx, v) {
			return
		}
		result, err := s.call(ctx, subject.Name, subject.example, subject.key)
		if s.mode == InSandbox && isRefusal(err) {
			v.note("%s: refused in the sandbox: %s", subject.Name, describe(err))
			continue
		}
		if err != nil {
			v.fault("%s: %v", subject.Name, err)
			continue
		}
		subject.works = true
		if subject.result == nil || result.ContentType != "" {
			continue
		}
		faults, err := subject.result.Check(orNull(result.Body))
		if err != nil {
			v.fault("%s: its result: %v", subject.Name, err)
		}
		for _, fault := range faults {
			v.fault("%s: its result does not meet the schema: %s: %s", subject.Name, fault.Pointer, fault.Message)
		}
	}
}

// isRefusal reports whether an error says that nothing was done because of what the
// vendor has: what an example names need not be in a sandbox, or be in the state
// that the action wants.
func isRefusal(err error) bool {
	var refusal *sdk.Error
	return errors.As(err, &refusal) && refusal.Outcome == sdk.OutcomeNotExecuted &&
		(refusal.Code == sdk.CodeNotFound || refusal.Code == sdk.CodeRejected)
}

// orNull returns the body, or null for an empty one, which means null.
func orNull(body []byte) []byte {
	if len(body) == 0 {
		return []byte("null")
	}
	return body
}

// checkBadParams does not send params that an action might accept, if the call would
// have an effect.
func checkBadParams(ctx context.Context, s *session, v *verdict) {
	skipIfUntried(v, len(s.subjects), "with an example that meets its schema")
	for _, subject := range s.subjects {
		refused := func(document json.RawMessage, what string) {
			if !s.ready(ctx, v) {
				return
			}
			_, err := s.call(ctx, subject.Name, document, subject.newCallKey())
			switch {
			case err == nil:
				v.fault("%s: it carried out a call with %s", subject.Name, what)
			case isBroken(err):
				v.fault("%s: called with %s, it answered %v", subject.Name, what, err)
			}
		}
		refused(notAnObject, "params that are no object")
		if document, field := wrongType(subject.params, subject.Params, subject.example); document != nil && subject.harmless {
			refused(document, "a "+field+" of the wrong type")
		}
	}
}

// newCallKey is the key of another call than the example's.
func (s *subject) newCallKey() string {
	if !s.treatment.Writes {
		return ""
	}
	return newKey()
}

func checkUnknownAction(ctx context.Context, s *session, v *verdict) {
	if !s.ready(ctx, v) {
		return
	}
	_, err := s.call(ctx, "conformanceUnknown", json.RawMessage(`{}`), "")
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeUnknownAction}) {
		v.fault("called with an action that its manifest does not have, it answered %s", describe(err))
	}
}

// describe says what a call returned.
func describe(err error) string {
	if err == nil {
		return "a result"
	}
	return shorten(err.Error())
}

// shorten returns as much of a text as a report shows: a plugin may quote a param of
// 1 MiB in its error.
func shorten(text string) string {
	const most = 300
	return excerpt.Bytes(text, most)
}

// concurrency is how many callers call at once, and rounds how often each calls.
const (
	concurrency = 16
	rounds      = 4
)

func checkConcurrency(ctx context.Context, s *session, v *verdict) {
	subjects := s.repeatable(v)
	skipIfUntried(v, len(subjects), "that may be called again")
	if len(subjects) == 0 || !s.ready(ctx, v) {
		return
	}
	errs := make([]error, concurrency)
	var callers sync.WaitGroup
	for caller := range concurrency {
		callers.Go(func() {
			for round := range rounds {
				subject := subjects[(caller+round)%len(subjects)]
				_, err := s.call(ctx, subject.Name, subject.example, subject.key)
				if err != nil && !isBusy(err) {
					errs[caller] = fmt.Errorf("%s: %w", subject.Name, err)
					return
				}
			}
		})
	}
	callers.Wait()
	seen := make(map[string]bool)
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			v.fault("%v", err)
		}
	}
	v.note("%d callers, %d calls each", concurrency, rounds)
}

// isBusy reports whether an error is one that a plugin may return to many calls at
// once, or to calls with the same key.
func isBusy(err error) bool {
	return errors.Is(err, &sdk.Error{Code: sdk.CodeRateLimited}) || errors.Is(err, &sdk.Error{Code: sdk.CodeConflict})
}

// repeatable returns the subjects that may be called again.
func (s *session) repeatable(v *verdict) []*subject {
	var list []*subject
	for _, subject := range s.subjects {
		switch {
		case subject.repeatable():
			list = append(list, subject)
		case subject.works:
			v.note("%s is left out: it writes, and a repeat may act twice", subject.Name)
		}
	}
	return list
}

func checkRepeatedKey(ctx context.Context, s *session, v *verdict) {
	tried := 0
	for _, subject := range s.subjects {
		if !subject.treatment.Writes || !subject.works || subject.treatment.Repeat == sdk.RepeatNone {
			continue
		}
		if !s.ready(ctx, v) {
			return
		}
		tried++
		var bodies []any
		for range 2 {
			// The example was called with this key before, so the calls have no effect.
			result, err := s.call(ctx, subject.Name, subject.example, subject.key)
			if err != nil {
				v.fault("%s: its key was repeated, and it answered %v", subject.Name, err)
				break
			}
			body, err := value.Parse(orNull(result.Body))
			if err != nil && result.ContentType == "" {
				v.fault("%s: its result: %v", subject.Name, err)
				break
			}
			bodies = append(bodies, body)
		}
		switch {
		case len(bodies) < 2 || subject.treatment.Repeat == sdk.RepeatIdempotent:
		case s.mode == InSandbox:
			// In the sandbox it is not the vendor that keeps keys.
			v.note("%s: answered in the sandbox, whose results are not compared", subject.Name)
		case !reflect.DeepEqual(bodies[0], bodies[1]):
			v.fault("%s: its repeat is %s, but two calls with the same key had different results", subject.Name, subject.treatment.Repeat)
		}
	}
	skipIfUntried(v, tried, "that writes and takes a repeat")
}

func checkBigParams(ctx context.Context, s *session, v *verdict) {
	tried := 0
	for _, subject := range s.subjects {
		if !subject.works {
			continue
		}
		if !s.ready(ctx, v) {
			return
		}
		tried++
		document, valid := bigNonsense(), false
		if subject.harmless {
			document, valid = big(subject.params, subject.Params, subject.example)
		}
		_, err := s.call(ctx, subject.Name, document, subject.newCallKey())
		switch {
		case err != nil && isBroken(err):
			v.fault("%s: called with %d bytes of params, it answered %s", subject.Name, len(document), describe(err))
		case valid:
			v.note("%s: a text of 1 MiB in params that meet the schema: %s", subject.Name, describe(err))
		default:
			v.note("%s: a text of 1 MiB in params that the schema forbids: %s", subject.Name, describe(err))
		}
	}
	skipIfUntried(v, tried, "whose example works")
}
