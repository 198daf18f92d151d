package plugin

import (
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// acceptManifest asks whether the config can work with the manifest of a replaced
// file.
func (s *supervisor) acceptManifest(manifest *sdk.Manifest) error {
	if s.p.env.accept == nil {
		return nil
	}
	if err := s.p.env.accept(s.p.name, manifest); err != nil {
		return Permanent(err)
	}
	return nil
}

// rejectFile shows why a replaced file is not in force. The instance of the file
// before goes on.
func (s *supervisor) rejectFile(file fileState, err error) {
	s.failedFile = file
	s.retryFileAt = time.Time{}
	if !isPermanent(err) {
		s.retryFileAt = s.p.env.timing.Now().Add(maxBackoff)
	}
	what := "the file was replaced, and the one before stays in force: "
	if file.sameFile(s.current.file) {
		what = "files in a folder of its credentials have changed, and the instance before stays in force: "
	}
	reason := s.p.redactor.String(what + err.Error())
	s.rejected = reason
	s.p.setRejected(reason)
	s.p.logger.Error("plugin not replaced", "reason", reason)
}

// confirmFile notes that the file is the one that runs, perhaps after another one
// was rejected.
func (s *supervisor) confirmFile(file fileState) {
	s.current.file = file
	if s.rejected != "" {
		s.failedFile, s.rejected = fileState{}, ""
		s.p.setRejected("")
	}
}

// sameContent reports whether the file is byte for byte what runs: written again,
// but not changed. A file that does not match the pin is an error.
func sameContent(r *running, spec Spec) (bool, error) {
	actual, err := Checksum(spec.Path)
	if err != nil {
		return false, err
	}
	sum := r.checksum.Load()
	return sum != nil && strings.EqualFold(actual, *sum), spec.VerifyChecksum(actual)
}

// learnChecksum notes the checksum of what was started from a file in this state.
// It warns once if the file is not pinned.
func (p *Plugin) learnChecksum(r *running, spec Spec, file fileState) {
	if spec.SHA256 != "" {
		r.checksum.Store(&spec.SHA256)
		return
	}
	p.checksumMu.Lock()
	defer p.checksumMu.Unlock()
	if p.checksum == "" || !p.checksumFile.sameFile(file) {
		sum, err := Checksum(spec.Path)
		if err != nil || !statFile(spec.Path).sameFile(file) {
			return // it was replaced meanwhile: the checksum is another file's
		}
		if p.checksum == "" {
			p.logger.Warn("the plugin is not pinned: whatever takes the place of its file is run",
				"file", spec.Path, "pin", pinLine(spec.Name, sum))
		}
		p.checksum, p.checksumFile = sum, file
	}
	sum := p.checksum
	r.checksum.Store(&sum)
}
