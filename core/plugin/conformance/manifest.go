package conformance

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
)

func checkStart(ctx context.Context, s *session, v *verdict) {
	if err := s.launch(ctx); err != nil {
		v.fault("%v", err)
		return
	}
	s.stage = started
}

// checkManifest also decides how the actions are called.
func checkManifest(ctx context.Context, s *session, v *verdict) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	manifest, err := s.instance.Manifest(ctx)
	if err != nil {
		v.fault("%v", s.explain(err))
		return
	}
	if err := plugin.Validate(manifest, s.Spec.Name); err != nil {
		for fault := range strings.SplitSeq(err.Error(), "\n") {
			v.fault("%s", fault)
		}
	}
	again, err := s.instance.Manifest(ctx)
	switch {
	case err != nil:
		v.fault("asked a second time: %v", s.explain(err))
	case !reflect.DeepEqual(manifest, again):
		v.fault("asked a second time, it answers another manifest")
	}
	s.manifest, s.stage = manifest, described
	s.redactor.Add(credential.SecretValues(manifest.Credentials, s.Credentials)...)
	switch {
	case s.Credentials != nil:
		s.mode = WithCredentials
	case manifest.Sandbox:
		s.mode = InSandbox
	case len(manifest.Credentials) == 0:
		s.mode = WithoutCredentials
	default:
		s.mode = NotAtAll
	}
	s.prepare()
}

func checkSchemas(_ context.Context, s *session, v *verdict) {
	compile := func(what string, raw json.RawMessage) {
		if _, err := schema.Compile(raw); err != nil {
			v.fault("%s: %v", what, err)
		}
	}
	if len(s.manifest.Credentials) > 0 {
		compile("credentials", s.manifest.Credentials)
	}
	for i := range s.manifest.Actions {
		action := &s.manifest.Actions[i]
		compile(action.Name+": params", action.Params)
		if len(action.Result) > 0 {
			compile(action.Name+": result", action.Result)
		}
	}
}

func checkExamples(_ context.Context, s *session, v *verdict) {
	if len(s.manifest.Actions) == 0 {
		v.skip("it has no actions")
	}
	for i := range s.manifest.Actions {
		action := &s.manifest.Actions[i]
		if len(action.Examples) == 0 {
			v.fault("%s: it has no example", action.Name)
		}
		for n, example := range action.Examples {
			checkExample(v, action, n, "params", action.Params, example.Params)
			if len(example.Result) > 0 && len(action.Result) > 0 {
				checkExample(v, action, n, "result", action.Result, example.Result)
			}
		}
	}
}

// checkExample checks a part of an example against its schema. Another check reports a
// schema that does not compile.
func checkExample(v *verdict, action *sdk.ActionSpec, n int, what string, raw, document json.RawMessage) {
	compiled, err := schema.Compile(raw)
	if err != nil {
		return
	}
	faults, err := compiled.Check(document)
	if err != nil {
		v.fault("%s: example %d: %s: %v", action.Name, n+1, what, err)
		return
	}
	for _, fault := range faults {
		v.fault("%s: example %d: %s%s: %s", action.Name, n+1, what, fault.Pointer, fault.Message)
	}
}

// checkSchemasRefuse checks the least that the gateway's check of params must refuse.
func checkSchemasRefuse(_ context.Context, s *session, v *verdict) {
	if len(s.manifest.Actions) == 0 {
		v.skip("it has no actions")
	}
	for i := range s.manifest.Actions {
		action := &s.manifest.Actions[i]
		compiled, err := schema.Compile(action.Params)
		if err != nil {
			continue
		}
		if faults, err := compiled.Check(notAnObject); err == nil && len(faults) == 0 {
			v.fault(`%s: the schema of its params accepts %s: say "type": "object"`, action.Name, notAnObject)
		}
	}
}

func checkConfigure(ctx context.Context, s *session, v *verdict) {
	switch s.mode {
	case NotAtAll:
		v.skip("%s", s.obstacle(configured))
		return
	case WithCredentials:
		for _, fault := range credential.Check(s.manifest, s.Credentials, s.BaseDir) {
			v.fault("credentials%s: %s", fault.Pointer, fault.Message)
		}
		if len(v.faults) > 0 {
			return
		}
	case InSandbox:
		v.note("in its sandbox")
	}
	if err := s.configure(ctx); err != nil {
		v.fault("%v", s.explain(err))
		return
	}
	s.stage = configured
}
