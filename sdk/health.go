package sdk

import "context"

// HealthChecker is a Plugin that can tell that its calls cannot succeed now, though it
// runs: what it stands on was taken away. The gateway asks a plugin process about
// once a second and shows the reason; calls are sent to the plugin all the same.
//
// It is not for a vendor's outage, which the calls themselves report.
type HealthChecker interface {
	// CheckHealth returns why calls cannot succeed now, nil if they can. It returns
	// at once what the plugin knows already.
	CheckHealth(ctx context.Context) error
}

// Health is a plugin's ability to tell that its calls cannot succeed: see
// HealthChecker.
type Health struct {
	Check func(ctx context.Context) error
}

func (h Health) join(p *integration) {
	switch {
	case p.health != nil:
		p.fault("a plugin tells its health in one way, and these are two")
	case h.Check == nil:
		p.fault("the health has no Check")
	default:
		p.health = h.Check
	}
}

// CheckHealth asks the part Health; without one the plugin knows nothing.
func (p *integration) CheckHealth(ctx context.Context) error {
	if p.health == nil {
		return nil
	}
	return p.health(ctx)
}

// healthChecker returns what a plugin says of its health, nil where it says nothing.
func healthChecker(p Plugin) HealthChecker {
	if made, ok := p.(interface{ tellsHealth() bool }); ok && !made.tellsHealth() {
		return nil
	}
	checker, _ := p.(HealthChecker)
	return checker
}

func (p *integration) tellsHealth() bool { return p.health != nil }
