package conformance

import (
	"context"

	"github.com/backflow/backflow/core/plugin"
)

func checkStdout(ctx context.Context, s *session, v *verdict) {
	if plugin.IsWASM(s.Spec.Path) {
		v.skip("what a WASM plugin prints is its log")
		return
	}
	s.finish(ctx, v)
	if s.printed > 0 {
		v.fault("it printed %d bytes to standard output, which belongs to the handshake; logs go to standard error", s.printed)
	}
}

func checkExit(ctx context.Context, s *session, v *verdict) {
	end := s.finish(ctx, v)
	switch {
	case end == nil:
	case end.err != nil:
		v.fault("%v", end.err)
	case !end.exit.Clean:
		v.fault("asked to end, it ended with: %s", end.exit.Reason)
	}
}
