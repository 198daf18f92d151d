package plugin

import (
	"context"
	"fmt"

	"github.com/backflow/backflow/core/plugin/credential"
)

// check does what is due at each tick of Checks.Interval.
func (s *supervisor) check(ctx context.Context) {
	if s.current != nil && !s.checkHealth(ctx) {
		return
	}
	s.checkFile(ctx)
}

// checkHealth begins a probe of the current instance if one is due. It reports false
// if it killed the instance for its memory.
func (s *supervisor) checkHealth(ctx context.Context) bool {
	if reason := s.overMemoryLimit(); reason != "" {
		s.kill(ctx, reason)
		return false
	}
	s.startProbe(ctx)
	s.askHealth(ctx)
	return true
}

// overMemoryLimit says that the current instance holds more memory than it may, ""
// if it does not.
func (s *supervisor) overMemoryLimit() string {
	reporter, ok := s.current.instance.(MemoryReporter)
	if !ok {
		return ""
	}
	bytes, err := reporter.Memory()
	if err != nil {
		return "" // it has ended, or this system cannot measure it
	}
	s.p.counters.memory.Store(bytes)
	const mib = 1 << 20
	limit := int64(s.member.Spec.MemoryLimitMiB)
	if limit == 0 || bytes <= limit*mib {
		return ""
	}
	return fmt.Sprintf("it held %d MiB of memory, more than the %d of memoryLimitMiB, and was killed", bytes/mib, limit)
}

// startProbe asks the current instance for a sign of life, if a probe is due.
func (s *supervisor) startProbe(ctx context.Context) {
	prober, ok := s.current.instance.(Prober)
	now, checks := s.p.env.timing.Now(), s.p.env.checks
	if !ok || s.probing || now.Sub(s.lastProbe) < checks.ProbeInterval {
		return
	}
	s.probing, s.lastProbe = true, now
	probed, results := s.current, s.probeResults
	s.p.env.background.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, checks.ProbeTimeout)
		defer cancel()
		results <- probeResult{probed, prober.Probe(ctx)}
	})
}

// handleProbe kills an instance that gave no sign of life.
func (s *supervisor) handleProbe(ctx context.Context, result probeResult) {
	if result.of != s.current || s.current == nil {
		return
	}
	s.probing = false
	if result.err == nil || ctx.Err() != nil {
		return
	}
	select {
	case <-s.current.instance.Done():
		return // it has ended by itself, and its end says more
	default:
	}
	s.kill(ctx, fmt.Sprintf("it gave no sign of life for %s and was killed", s.p.env.checks.ProbeTimeout))
}

// checkFile begins a start if the file is not the one that runs or failed, or if
// something in the folders of its credentials is not as it was then, and nothing has
// changed since the last check. They are checked every second; notices of the system
// would not do, because network file systems and mounts of containers do not give
// them. A check costs a system call for each file.
func (s *supervisor) checkFile(ctx context.Context) {
	now := s.files()
	unchanged := now.equal(s.seenFile)
	s.seenFile = now
	if !unchanged || !now.exists() || s.starting != nil {
		return
	}
	switch {
	case s.current == nil:
		if !now.equal(s.failedFile) {
			s.failures = 0
			s.beginStart(ctx, nil)
		}
	case now.equal(s.current.file):
		s.confirmFile(now)
	case !now.equal(s.failedFile) || !s.retryFileAt.IsZero() && !s.p.env.timing.Now().Before(s.retryFileAt):
		s.beginStart(ctx, s.acceptManifest)
	}
}

// files returns the state of what the plugin is started from. The folders are known
// once the plugin has published what its credentials are.
func (s *supervisor) files() fileState {
	now := statFile(s.member.Spec.Path)
	if manifest := s.p.Manifest(); manifest != nil && manifest != s.foldersOf {
		s.folders, s.foldersOf = credential.Directories(manifest, s.member.Config.Credentials, s.member.Config.BaseDir), manifest
	}
	now.folders = sumFolders(s.folders)
	return now
}
