package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/sdk/span"
)

func (p *program) sandboxCommand() *cobra.Command {
	return group("sandbox", "The sandbox in which an integration of `backflow dev` runs",
		p.sandboxStatusCommand(),
		p.sandboxAdvanceCommand(),
		p.sandboxFaultCommand(),
		p.sandboxResetCommand(),
	)
}

// sandbox is what the commands of a sandbox have in common.
type sandbox struct {
	integration string
	out         output
}

func (s *sandbox) flags(cmd *cobra.Command, p *program) {
	cmd.Flags().StringVar(&s.integration, "integration", "", "the integration whose sandbox is meant (default: the only one that runs in its sandbox)")
	s.out.flag(cmd, formTable)
	completeFlag(cmd, "integration", p.sandboxes)
}

// find returns the gateway, and which integration is meant.
func (s *sandbox) find(ctx context.Context, p *program) (*client.Client, error) {
	c, err := p.client()
	if err == nil && s.integration == "" {
		s.integration, err = c.Sandbox(ctx)
	}
	return c, err
}

// control has the sandbox do a command, and prints what it returns.
func (s *sandbox) control(ctx context.Context, p *program, command string, params any) error {
	c, err := s.find(ctx, p)
	if err != nil {
		return err
	}
	result, err := c.ControlSandbox(ctx, s.integration, command, params)
	if err != nil {
		return err
	}
	return s.out.write(p.stdout, result, func(w io.Writer) error { return client.WriteSandbox(w, s.integration, result) })
}

// sandboxes proposes the integrations that run in their sandbox.
func (p *program) sandboxes(ctx context.Context, _ []string) []string {
	c, err := p.client()
	if err != nil {
		return nil
	}
	names, _ := c.Sandboxes(ctx) // what cannot be found out is not proposed
	return names
}

func (p *program) sandboxStatusCommand() *cobra.Command {
	var s sandbox
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the time of a sandbox, what it holds, and what waits in it",
		Args:  cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return s.control(cmd.Context(), p, "status", struct{}{})
		}),
	}
	s.flags(cmd, p)
	return cmd
}

func (p *program) sandboxResetCommand() *cobra.Command {
	var s sandbox
	var yes bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Throw away everything in a sandbox: it is as it was when it was new",
		Args:  cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if !yes && !p.canAsk() {
				return errors.New("nobody can be asked whether everything in the sandbox is to be thrown away: --yes does it")
			}
			return nil
		},
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			if !yes && !p.agreed("throw away everything in the sandbox?") {
				fmt.Fprintln(p.stderr, "nothing was done")
				return nil
			}
			return s.control(cmd.Context(), p, "reset", struct{}{})
		}),
	}
	s.flags(cmd, p)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// sandboxFault is the body of the command fault.
type sandboxFault struct {
	Operation   string `json:"operation,omitempty"`
	Kind        string `json:"kind,omitempty"`
	Status      int    `json:"status,omitempty"`
	Code        string `json:"code,omitempty"`
	DeclineCode string `json:"declineCode,omitempty"`
	Times       int    `json:"times,omitempty"`
	Delay       string `json:"delay,omitempty"`
	RetryAfter  string `json:"retryAfter,omitempty"`
	Clear       bool   `json:"clear,omitempty"`
}

func (p *program) sandboxFaultCommand() *cobra.Command {
	var s sandbox
	var fault sandboxFault
	var delay, retryAfter time.Duration
	cmd := &cobra.Command{
		Use:   "fault --kind KIND | --delay TIME | --clear",
		Short: "Have a sandbox fail the requests that come next, as the vendor may",
		Example: `  backflow sandbox fault --kind rate_limit --retry-after 2s --times 3
  backflow sandbox fault --delay 5s --operation PostPaymentIntents
  backflow sandbox fault --clear`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			others := false
			for _, flag := range sandboxFaultFlags {
				others = others || cmd.Flags().Changed(flag)
			}
			switch {
			case fault.Clear && others:
				return errors.New("--clear takes all faults back, and goes with no other flag")
			case !fault.Clear && fault.Kind == "" && delay == 0:
				return errors.New("give --kind, --delay or --clear")
			case fault.Times < 0 || cmd.Flags().Changed("times") && fault.Times == 0:
				return fmt.Errorf("--times must be at least 1, not %d", fault.Times)
			case delay < 0 || retryAfter < 0:
				return errors.New("--delay and --retry-after cannot be negative")
			}
			fault.Delay, fault.RetryAfter = durationText(delay), durationText(retryAfter)
			return nil
		},
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return s.control(cmd.Context(), p, "fault", fault)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&fault.Kind, "kind", "", "what goes wrong; the sandbox says which kinds it has")
	f.StringVar(&fault.Operation, "operation", "", "only requests for this operation of the vendor's API (default: any)")
	f.IntVar(&fault.Status, "status", 0, "HTTP status of the error, for a kind that has one")
	f.StringVar(&fault.Code, "code", "", "code of the error, likewise")
	f.StringVar(&fault.DeclineCode, "decline-code", "", "reason of a decline, likewise")
	f.IntVar(&fault.Times, "times", 0, "how many requests it is for (default: 1)")
	f.DurationVar(&delay, "delay", 0, "how long such a request takes, such as 5s; without --kind that is all")
	f.DurationVar(&retryAfter, "retry-after", 0, "how long the response tells the client to wait, such as 2s")
	f.BoolVar(&fault.Clear, "clear", false, "take all faults back")
	s.flags(cmd, p)
	for _, flag := range sandboxFaultFlags {
		completeFlag(cmd, flag, fixed())
	}
	return cmd
}

// durationText is a duration as JSON has it; "" for none.
func durationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// sandboxFaultFlags are the flags that say what a fault is, and take any text.
var sandboxFaultFlags = []string{"kind", "operation", "status", "code", "decline-code", "times", "delay", "retry-after"}

func (p *program) sandboxAdvanceCommand() *cobra.Command {
	var s sandbox
	var clock, to string
	var by span.Span
	var until time.Time
	cmd := &cobra.Command{
		Use:   "advance SPAN | --to TIME",
		Short: "Move the time of a sandbox forward: what becomes due happens, with its events",
		Long: `Move the time of a sandbox forward. What becomes due on the way happens in its
order, each with its events: trials end, invoices are made and paid. SPAN is a
number and its unit, such as 31d, 1w, 12h, 90m, 1mo or 1y, or several: 1mo15d. A
month is one of the calendar. Without --clock everything moves.`,
		Example: `  backflow sandbox advance 31d
  backflow sandbox advance --to 2027-01-31T12:00:00Z --clock clock_1a2b3c`,
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			if (len(args) == 1) == (to != "") {
				return errors.New("give either how far time is to move, such as 31d, or --to TIME")
			}
			if to != "" {
				until, err = timeOf(to)
				return err
			}
			var ok bool
			if by, ok = span.Parse(args[0]); !ok || by == (span.Span{}) {
				return fmt.Errorf("%q is no span of time: it is such as 31d, 1w, 12h, 90m, 1mo or 1y, and a hundred years at most", args[0])
			}
			return nil
		},
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.advance(cmd.Context(), &s, clock, by, until)
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "where time is to be: a time of RFC 3339, or a date (its begin in UTC)")
	cmd.Flags().StringVar(&clock, "clock", "", "move this clock alone")
	s.flags(cmd, p)
	complete(cmd, fixed("1d", "1w", "31d", "1mo", "1y"))
	completeFlag(cmd, "to", fixed())
	completeFlag(cmd, "clock", p.clocks(&s))
	return cmd
}

// timeOf reads --to.
func timeOf(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--to is a time such as 2027-01-31T12:00:00Z, or a date such as 2027-01-31, not %q", text)
}

// advance moves the time of a sandbox by a span, or to a time unless that is zero.
func (p *program) advance(ctx context.Context, s *sandbox, clock string, by span.Span, to time.Time) error {
	c, err := s.find(ctx, p)
	if err != nil {
		return err
	}
	from, err := c.SandboxClock(ctx, s.integration, clock)
	if err != nil {
		return err
	}
	if to.IsZero() {
		to = by.After(from.Time)
	} else if to.Before(from.Time) {
		return fmt.Errorf("it is %s in the sandbox already: time only moves forward (backflow sandbox reset begins anew)", from.Time.UTC().Format(time.RFC3339))
	}
	a := client.Advance{Integration: s.integration, Clock: clock, Account: from.Account, From: from.Time.UTC(), To: to.UTC()}
	if err := a.Go(ctx, c, func(at time.Time, events int) {
		fmt.Fprintf(p.stderr, "%s: %d events\n", at.UTC().Format(time.RFC3339), events)
	}); err != nil {
		again := "backflow sandbox advance --to " + a.To.Format(time.RFC3339Nano)
		if clock != "" {
			again += " --clock " + clock
		}
		return fmt.Errorf("%w\nTime is at %s or later; this goes on, and moves nothing twice: %s", err, a.Time.Format(time.RFC3339), again)
	}
	return s.out.writeValue(p.stdout, &a, a.Write)
}

// clocks proposes the clocks of a sandbox.
func (p *program) clocks(s *sandbox) completer {
	return func(ctx context.Context, _ []string) []string {
		c, err := s.find(ctx, p)
		if err != nil {
			return nil
		}
		clocks, err := c.SandboxClocks(ctx, s.integration)
		if err != nil {
			return nil
		}
		var ids []string
		for _, clock := range clocks[1:] {
			ids = append(ids, proposal(clock.ID, clock.Time.UTC().Format(time.RFC3339)))
		}
		return ids
	}
}
