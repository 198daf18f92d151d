package client

import (
	"slices"

	"github.com/backflow/backflow/core/workflow"
)

// repair is a command that makes a run go on, or end.
type repair struct {
	command, does string
}

// String returns the command with what it does.
func (r repair) String() string { return r.command + "   (" + r.does + ")" }

// repairs returns the commands that help a run in the state in which it is; none
// where it goes on by itself or has succeeded.
func (v *runView) repairs() []repair {
	if v.ID == "" {
		return nil
	}
	command := func(what string) string { return "backflow runs " + what }
	retry := command("retry " + v.ID)
	switch status := workflow.RunStatus(v.Status); {
	case status == workflow.RunFailed && !v.undone():
		return []repair{{retry, "goes on from where it failed"}}
	case v.WaitingFor == "decision":
		return []repair{
			{retry, "asks again with the same key, which settles what is not known"},
			{command("cancel " + v.ID), "takes it for done, and undoes the run"},
		}
	case v.WaitingFor == "signal":
		return []repair{{command("signal " + v.ID + " " + quoted(v.signal()) + " --body '{}'"), "is what it waits for"}}
	default:
		return nil
	}
}

// undone reports whether the run has undone anything: then it cannot go on.
func (v *runView) undone() bool {
	return slices.ContainsFunc(v.Steps, func(s stepView) bool { return s.Status == string(workflow.StepCompensated) })
}

// signal returns the name of the signal that the run waits for.
func (v *runView) signal() string {
	for _, s := range v.Steps {
		if s.WaitingFor == "signal" && s.Signal != "" {
			return s.Signal
		}
	}
	return "NAME"
}
