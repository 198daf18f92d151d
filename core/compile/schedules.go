package compile

import (
	"fmt"
	"strings"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// compileSchedules parses the schedules, and checks their workflows and inputs.
func (p *Plan) compileSchedules() {
	for i, s := range p.Config.Schedules {
		fault := func(at config.Pos, key, hint, format string, args ...any) {
			message := fmt.Sprintf("schedules[%d]%s: ", i, key) + fmt.Sprintf(format, args...)
			p.fault(config.Fault{Pos: at, Message: message, Hint: hint})
		}
		cron, err := schedule.ParseCron(s.Cron, s.Timezone)
		if _, zone := schedule.ParseCron("@daily", s.Timezone); zone != nil {
			fault(s.At("timezone"), ".timezone", zoneHint(s.Timezone), "%v", zone)
			_, err = schedule.ParseCron(s.Cron, "")
		}
		if err != nil && s.Cron != "" { // else a fault already
			fault(s.At("cron"), ".cron", "minute, hour, day of the month, month, day of the week (0 is Sunday), as in 0 3 * * *", "%v", err)
		}
		p.Schedules = append(p.Schedules, schedule.Schedule{Name: s.Name, Cron: cron, Workflow: s.Workflow, Input: value.TrustedDoc(s.Input.Raw)})
		if len(s.Input.Raw) > engine.MaxInput {
			fault(s.At("input"), ".input", "", "%d bytes are more than an input may have, %d", len(s.Input.Raw), engine.MaxInput)
		}
		if s.Workflow != "" {
			p.checkScheduled(s, fault)
		}
	}
}

// zoneHint says what to write in the place of a zone that is refused.
func zoneHint(zone string) string {
	for _, copied := range []string{"posix/", "right/"} {
		if name, ok := strings.CutPrefix(zone, copied); ok {
			return "write " + name + ": what is below " + copied + " is not on every machine"
		}
	}
	return "the name of a place in the IANA database, such as Europe/Berlin, or UTC"
}

// checkScheduled makes sure that the workflow of a schedule is there, and takes
// its input.
func (p *Plan) checkScheduled(s config.Schedule, fault func(at config.Pos, key, hint, format string, args ...any)) {
	var known []string
	for _, w := range p.Config.Workflows {
		known = append(known, w.ID)
		if w.ID != s.Workflow {
			continue
		}
		for _, d := range p.Definitions {
			if d.ID != s.Workflow || d.Input == nil {
				continue
			}
			input, err := value.Parse(s.Input.Raw)
			if err != nil {
				fault(s.At("input"), ".input", "", "%v", err)
				continue
			}
			for _, f := range d.Input.OpenFaults(input, nil) {
				fault(s.Input.Node.At(f.Pointer), ".input"+strings.ReplaceAll(f.Pointer, "/", "."), f.Hint, "%s: %s", s.Workflow, f.Message)
			}
		}
		return
	}
	fault(s.At("workflow"), ".workflow", suggest.Hint(s.Workflow, known), "there is no workflow %q", s.Workflow)
}
