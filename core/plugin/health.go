package plugin

import (
	"context"
	"fmt"
	"time"
)

// Checks say how often plugins are looked after.
type Checks struct {
	// Interval is how often memory and file are looked at; zero means a second.
	Interval time.Duration
	// ProbeInterval is how often a plugin is asked for a sign of life; zero means 5 s.
	ProbeInterval time.Duration
	// ProbeTimeout is how long that sign may take; zero means 10 s. It is much longer
	// than any answer of a plugin that is well takes on a busy machine, because a
	// plugin is killed on the strength of it.
	ProbeTimeout time.Duration
}

func (c Checks) withDefaults() Checks {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.ProbeInterval <= 0 {
		c.ProbeInterval = 5 * time.Second
	}
	if c.ProbeTimeout <= 0 {
		c.ProbeTimeout = 10 * time.Second
	}
	return c
}

// probe is what came of asking an instance for a sign of life.
type probe struct {
	of  *running
	err error
}

// lookAround looks after what runs, and at the file.
func (s *supervisor) lookAround(ctx context.Context) {
	if s.current != nil && s.overweight(ctx) {
		return
	}
	if s.current != nil {
		s.ask(ctx)
	}
	s.lookForFile(ctx)
}

// overweight kills an instance that holds more memory than it may, and reports
// whether it did.
func (s *supervisor) overweight(ctx context.Context) bool {
	weigher, ok := s.current.instance.(MemoryReporter)
	if !ok {
		return false
	}
	bytes, err := weigher.Memory()
	if err != nil {
		return false // it has ended, or there is no way to tell here
	}
	s.p.meter.memory.Store(bytes)
	const mib = 1 << 20
	limit := int64(s.member.Spec.MemoryLimitMiB)
	if limit == 0 || bytes <= limit*mib {
		return false
	}
	s.kill(ctx, fmt.Sprintf("it held %d MiB of memory, more than the %d of memoryLimitMiB, and was killed", bytes/mib, limit))
	return true
}

// ask asks the instance for a sign of life, if it is time to.
func (s *supervisor) ask(ctx context.Context) {
	prober, ok := s.current.instance.(Prober)
	now := s.p.host.timing.Now()
	if !ok || s.probing || now.Sub(s.probed) < s.p.host.checks.ProbeInterval {
		return
	}
	s.probing, s.probed = true, now
	asked, answers := s.current, s.probes
	s.p.host.done.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, s.p.host.checks.ProbeTimeout)
		defer cancel()
		answers <- probe{asked, prober.Probe(ctx)}
	})
}

// judge kills an instance that gave no sign of life.
func (s *supervisor) judge(ctx context.Context, answer probe) {
	if answer.of != s.current || s.current == nil {
		return
	}
	s.probing = false
	if answer.err == nil || ctx.Err() != nil {
		return
	}
	select {
	case <-s.current.instance.Done():
		return // it has ended by itself, and its end says more
	default:
	}
	s.kill(ctx, fmt.Sprintf("it gave no sign of life for %s and was killed", s.p.host.checks.ProbeTimeout))
}

// kill ends the instance by force.
func (s *supervisor) kill(ctx context.Context, reason string) {
	s.p.meter.kills.Add(1)
	s.lose(ctx, errKilled(reason), reason, true)
}

// errKilled is why an instance was ended by force.
type errKilled string

// Error answers the reason.
func (e errKilled) Error() string { return string(e) }
