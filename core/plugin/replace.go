package plugin

import (
	"context"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// How a replaced file comes into force. The file is looked at every second and
// not by the system's notices, which network file systems and mounts of
// containers do not give; a look costs one system call.

// lookForFile begins a start where the file is not the one that runs or failed,
// and has been left alone since the last look.
func (s *supervisor) lookForFile(ctx context.Context) {
	now := look(s.member.Spec.Path)
	settled := now.same(s.seen)
	s.seen = now
	if !settled || !now.there() || s.trial != nil {
		return
	}
	switch {
	case s.current == nil:
		if !now.same(s.tried) {
			s.failures = 0
			s.try(ctx, nil)
		}
	case now.same(s.current.file):
		s.confirm(now)
	case !now.same(s.tried) || !s.again.IsZero() && !s.p.host.timing.Now().Before(s.again):
		s.try(ctx, s.accept)
	}
}

// accept has the config's say about the manifest of a replaced file.
func (s *supervisor) accept(manifest *sdk.Manifest) error {
	if s.p.host.accept == nil {
		return nil
	}
	if err := s.p.host.accept(s.p.name, manifest); err != nil {
		return Permanent(err)
	}
	return nil
}

// reject shows why a replaced file is not in force: the instance from the file
// before goes on.
func (s *supervisor) reject(file fileState, err error) {
	s.tried = file
	s.again = time.Time{}
	if !isRefused(err) {
		s.again = s.p.host.timing.Now().Add(lastPause)
	}
	reason := s.p.redactor.String("the file was replaced, and the one before stays in force: " + err.Error())
	s.rejected = reason
	s.p.setRejected(reason)
	s.p.logger.Error("plugin not replaced", "reason", reason)
}

// confirm notes that the file is the one that runs, perhaps after another one was
// rejected.
func (s *supervisor) confirm(file fileState) {
	s.current.file = file
	if s.rejected != "" {
		s.tried, s.rejected = fileState{}, ""
		s.p.setRejected("")
	}
}

// sameContent reports whether the file is byte for byte what runs: written anew,
// but not changed. A file that the pin does not fit is an error.
func sameContent(r *running, spec Spec) (bool, error) {
	actual, err := Checksum(spec.Path)
	if err != nil {
		return false, err
	}
	sum := r.sum.Load()
	return sum != nil && strings.EqualFold(actual, *sum), spec.VerifyChecksum(actual)
}

// learnSum notes the checksum of what was started from a file in this state, and
// warns once where it is not pinned.
func (p *Plugin) learnSum(r *running, spec Spec, file fileState) {
	if spec.SHA256 != "" {
		r.sum.Store(&spec.SHA256)
		return
	}
	p.summing.Lock()
	defer p.summing.Unlock()
	if p.sum == "" || !p.summed.same(file) {
		sum, err := Checksum(spec.Path)
		if err != nil || !look(spec.Path).same(file) {
			return // it was replaced meanwhile: the sum is another file's
		}
		if p.sum == "" {
			p.logger.Warn("the plugin is not pinned: whatever takes the place of its file is run",
				"file", spec.Path, "pin", pinLine(spec.Name, sum))
		}
		p.sum, p.summed = sum, file
	}
	sum := p.sum
	r.sum.Store(&sum)
}
