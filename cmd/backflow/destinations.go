package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
)

func (p *program) destinationsCommand() *cobra.Command {
	return group("destinations", "Where a gateway sends messages to, and what became of them",
		p.destinationsListCommand(),
		p.destinationsShowCommand(),
		p.destinationsMessagesCommand(),
		p.destinationsEnableCommand(),
		p.destinationsDisableCommand(),
		p.destinationsReplayCommand(),
	)
}

func destinationPath(name string) string { return "/destinations/" + url.PathEscape(name) }

func (p *program) destinationsListCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the destinations, and whether messages are sent to them",
		Args:  cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			var found client.Page
			if err := c.Get(cmd.Context(), "/destinations", &found); err != nil {
				return err
			}
			return out.writeValue(p.stdout, found, func(w io.Writer) error { return client.WriteDestinations(w, found.Data) })
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}

func (p *program) destinationsShowCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a destination",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.show(cmd, &out, destinationPath(args[0]), client.WriteDestination)
		}),
	}
	out.flag(cmd, formTable)
	complete(cmd, p.destinationNames)
	return cmd
}

func (p *program) destinationsMessagesCommand() *cobra.Command {
	var status, kind, since string
	var l listing
	cmd := &cobra.Command{
		Use:     "messages NAME",
		Short:   "List the messages to a destination, the newest first",
		Example: "  backflow destinations messages crm --status failed --since 24h",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) (err error) {
			if since, err = sinceTime(since, time.Now()); err != nil {
				return err
			}
			return l.check()
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			filter := given(map[string]string{"status": status, "type": kind, "since": since})
			return p.list(cmd, &l, destinationPath(args[0])+"/messages", filter, client.WriteMessages)
		}),
	}
	cmd.Flags().StringVar(&status, "status", "", "only messages with this status: pending, delivered, failed or held")
	cmd.Flags().StringVar(&kind, "type", "", "only messages of this type; * stands for any run of characters")
	cmd.Flags().StringVar(&since, "since", "", "only messages made since then: a time of RFC 3339, or so long ago, such as 24h, 3d or 2w")
	l.flags(cmd)
	complete(cmd, p.destinationNames)
	completeFlag(cmd, "status", fixed("pending", "delivered", "failed", "held"))
	completeFlag(cmd, "type", fixed())
	completeFlag(cmd, "since", fixed("1h", "24h", "3d", "1w"))
	return cmd
}

func (p *program) destinationsEnableCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "enable NAME",
		Short: "Send to a destination again, once it has taken the oldest of the messages that are held",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.changeDestination(cmd, args[0], "enable", map[string]string{}, &out)
		}),
	}
	out.flag(cmd, formTable)
	complete(cmd, p.destinationNames)
	return cmd
}

func (p *program) destinationsDisableCommand() *cobra.Command {
	var reason string
	var out output
	cmd := &cobra.Command{
		Use:   "disable NAME",
		Short: "Hold the messages to a destination until it is enabled",
		Args:  cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.changeDestination(cmd, args[0], "disable", given(map[string]string{"reason": reason}), &out)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "what is shown as the reason")
	out.flag(cmd, formTable)
	complete(cmd, p.destinationNames)
	completeFlag(cmd, "reason", fixed())
	return cmd
}

// changeDestination asks something of a destination and shows it as it is then.
func (p *program) changeDestination(cmd *cobra.Command, name, what string, body map[string]string, out *output) error {
	changed, err := p.askDestination(cmd.Context(), name, what, body)
	if err != nil {
		return err
	}
	return out.write(p.stdout, changed, func(w io.Writer) error { return client.WriteDestination(w, changed) })
}

func (p *program) askDestination(ctx context.Context, name, what string, body map[string]string) (changed json.RawMessage, err error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	err = c.Change(ctx, destinationPath(name)+"/"+what, rand.Text(), encoded, &changed)
	return changed, err
}

func (p *program) destinationsReplayCommand() *cobra.Command {
	var kind, since string
	var failed bool
	var out output
	cmd := &cobra.Command{
		Use:   "replay NAME [MESSAGE]",
		Short: "Send a message again, or all that have failed",
		Long: `Send a message again: the same id and the same bytes. With --failed, --type or
--since in place of a MESSAGE that is done to every message that has failed and that
all of them select, one after the other, by the gateway. Ctrl-C leaves it at work:
` + "`backflow bulk watch`" + ` shows it again.`,
		Example: "  backflow destinations replay crm msg_0123456789abcdef0123456789abcdef\n" +
			"  backflow destinations replay crm --failed --since 3d",
		Args: cobra.RangeArgs(1, 2),
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			if many := failed || kind != "" || since != ""; many == (len(args) == 2) {
				return errors.New("give the id of a message, or --failed, --type or --since")
			}
			since, err = sinceTime(since, time.Now())
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			body := given(map[string]string{"status": "failed", "type": kind, "since": since})
			if len(args) == 2 {
				body = map[string]string{"message": args[1]}
			}
			changed, err := p.askDestination(cmd.Context(), args[0], "replay", body)
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return out.write(p.stdout, changed, func(w io.Writer) error { return client.WriteMessages(w, []json.RawMessage{changed}) })
			}
			var made struct{ ID string }
			if err := json.Unmarshal(changed, &made); err != nil {
				return err
			}
			c, err := p.client()
			if err != nil {
				return err
			}
			return p.watchBulk(cmd.Context(), c, made.ID, &out)
		}),
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "every message that has failed")
	cmd.Flags().StringVar(&kind, "type", "", "those of this type; * stands for any run of characters")
	cmd.Flags().StringVar(&since, "since", "", "those made since then: a time of RFC 3339, or so long ago, such as 24h, 3d or 2w")
	out.flag(cmd, formTable)
	complete(cmd, p.destinationNames)
	completeFlag(cmd, "type", fixed())
	completeFlag(cmd, "since", fixed("1h", "24h", "3d", "1w"))
	return cmd
}

// destinationNames proposes the destinations of the gateway.
func (p *program) destinationNames(ctx context.Context, _ []string) []string {
	c, err := p.client()
	if err != nil {
		return nil
	}
	var found struct {
		Data []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"data"`
	}
	if c.Get(ctx, "/destinations", &found) != nil {
		return nil
	}
	var names []string
	for _, d := range found.Data {
		names = append(names, proposal(d.Name, d.State))
	}
	return names
}
