package main

import (
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) statusCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a gateway is doing",
		Long: `Show what a gateway is doing: whether it is ready, its version and when it was
started, the state of each integration, how many runs are queued, running and
waiting, how long the queue is, and the latest runs that failed or are tried
again. What the token may not see is said. Exit code 1 if it is not ready.`,
		Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			now := time.Now()
			status, err := c.Status(cmd.Context(), now)
			if err != nil {
				return err
			}
			if err := out.writeValue(p.stdout, status, func(w io.Writer) error { return status.Write(w, now) }); err != nil {
				return err
			}
			if !status.Ready {
				return errors.New("the gateway is not ready: " + status.Status)
			}
			return nil
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}
