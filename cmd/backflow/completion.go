package main

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/workflow"
)

// completionTimeout bounds what a completion asks of a gateway or a plugin: a shell
// waits for it.
const completionTimeout = time.Second

// completer proposes what may follow on a command line. What cannot be found out,
// such as where no gateway responds, is proposed as nothing, without a word.
type completer func(ctx context.Context, args []string) []string

// complete adds completers to the arguments of a command, one for each.
func complete(cmd *cobra.Command, arguments ...completer) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(arguments) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return arguments[len(args)].run(cmd, args)
	}
}

// completeFlag adds a completer to a flag of a command.
func completeFlag(cmd *cobra.Command, flag string, values completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return values.run(cmd, args)
	}); err != nil {
		panic(err) // the flag is defined by the caller
	}
}

// run runs a completer within its time.
func (c completer) run(cmd *cobra.Command, args []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	return c(ctx, args), cobra.ShellCompDirectiveNoFileComp
}

// fixed proposes the same always.
func fixed(values ...string) completer {
	return func(context.Context, []string) []string { return values }
}

// statuses are those of runs.
func statuses() []string { return texts(workflow.RunStatuses[:]) }

func texts(statuses []workflow.RunStatus) []string {
	list := make([]string, len(statuses))
	for i, status := range statuses {
		list[i] = string(status)
	}
	return list
}

// completionRuns is how many runs are proposed.
const completionRuns = 50

// runIDs proposes the newest runs that have one of some statuses, of any if none is
// given.
func (p *program) runIDs(wanted ...workflow.RunStatus) completer {
	return func(ctx context.Context, _ []string) []string {
		c, err := p.client()
		if err != nil {
			return nil
		}
		query := url.Values{"limit": {strconv.Itoa(completionRuns)}}
		if len(wanted) > 0 {
			query.Set("status", strings.Join(texts(wanted), ","))
		}
		var page struct {
			Data []struct {
				ID       string `json:"id"`
				Workflow string `json:"workflow"`
				Status   string `json:"status"`
			} `json:"data"`
		}
		if c.Get(ctx, "/runs?"+query.Encode(), &page) != nil {
			return nil
		}
		var ids []string
		for _, run := range page.Data {
			ids = append(ids, proposal(run.ID, run.Workflow+" "+run.Status))
		}
		return ids
	}
}

// signals proposes the signals that a run waits for.
func (p *program) signals(ctx context.Context, args []string) []string {
	c, err := p.client()
	if err != nil {
		return nil
	}
	var run struct {
		Steps []struct {
			Path   string `json:"path"`
			Signal string `json:"signal"`
		} `json:"steps"`
	}
	if c.Get(ctx, "/runs/"+url.PathEscape(args[0]), &run) != nil {
		return nil
	}
	var names []string
	for _, step := range run.Steps {
		if step.Signal != "" {
			names = append(names, proposal(step.Signal, step.Path))
		}
	}
	return names
}

// workflowIDs proposes the workflows of the gateway.
func (p *program) workflowIDs(ctx context.Context, _ []string) []string {
	c, err := p.client()
	if err != nil {
		return nil
	}
	return workflowsOf(ctx, c)
}

func workflowsOf(ctx context.Context, c *client.Client) []string {
	var found struct {
		Data []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"data"`
	}
	if c.Get(ctx, "/workflows", &found) != nil {
		return nil
	}
	var ids []string
	for _, w := range found.Data {
		ids = append(ids, proposal(w.ID, w.Name))
	}
	return ids
}

// workflowsIn proposes the workflows of a config, whose faults do not matter, or of
// the gateway where none is given.
func (p *program) workflowsIn(file *string) completer {
	return func(ctx context.Context, args []string) []string {
		if *file == "" {
			return p.workflowIDs(ctx, args)
		}
		cfg, err := config.Load(*file, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
		if cfg == nil || err != nil && !errors.As(err, new(config.Faults)) {
			return nil
		}
		var ids []string
		for _, w := range cfg.Workflows {
			ids = append(ids, proposal(w.ID, ""))
		}
		return ids
	}
}

// webhookProviders proposes the providers of the webhooks in a config, or of those
// that `dev` noted.
func (p *program) webhookProviders(file *string) completer {
	return func(context.Context, []string) []string {
		var names []string
		if *file == "" {
			saved, err := readDevState(devDir)
			if err != nil {
				return nil
			}
			for _, w := range saved.Webhooks {
				names = append(names, proposal(w.Provider, w.Path))
			}
		} else if cfg, _ := config.Load(*file, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true}); cfg != nil {
			for _, w := range cfg.Webhooks {
				if w.Provider != "" && !w.Own() { // without one it is a fault
					names = append(names, proposal(w.Provider, w.Path))
				}
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
}

// eventTypes proposes the types of which a provider makes samples.
func (p *program) eventTypes(file *string) completer {
	return func(ctx context.Context, args []string) []string {
		path := *file
		if path == "" {
			saved, err := readDevState(devDir)
			if err != nil || saved.Config == "" {
				return nil
			}
			path = saved.Config
		}
		plan, err := p.load(path, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
		if err != nil {
			return nil
		}
		launcher := newLaunchers()
		defer func() { _ = launcher.Close() }() // a completion says nothing
		if plan.AskProvider(ctx, launcher, args[0]) != nil {
			return nil
		}
		return plan.EventTypes(args[0])
	}
}

// complete proposes the plugins at the places; files are proposed too, by the
// shell.
func (s *pluginPlaces) complete(cmd *cobra.Command, p *program) {
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		dirs := s.dirs
		if len(dirs) == 0 {
			dirs = installedPlugins()
		}
		if s.config != "" {
			cfg, _ := config.Load(s.config, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
			if cfg == nil {
				return nil, cobra.ShellCompDirectiveDefault
			}
			dirs = cfg.PluginDirs
		}
		found, err := plugin.Discover(dirs)
		if err != nil {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var names []string
		for _, spec := range found {
			names = append(names, proposal(spec.Name, spec.Path))
		}
		return names, cobra.ShellCompDirectiveDefault
	}
}

// scopeForms are what a token may be allowed, with wildcards where names stand.
func scopeForms() []string {
	var list []string
	for _, form := range access.Forms() {
		parts := strings.Split(form, ":")
		for i, part := range parts {
			if part == strings.ToUpper(part) {
				parts[i] = "*"
			}
		}
		list = append(list, strings.Join(parts, ":"))
	}
	return append(list, "*")
}

// proposal is a value with its description, as cobra's scripts take them.
func proposal(value, description string) string {
	value = terminal.Printable(value)
	if description == "" {
		return value
	}
	return value + "\t" + terminal.Printable(description)
}
