// Command backflow turns one config file into a REST gateway over
// integrations, durable workflows and webhook receivers.
//
// The package has one file a command, and what the commands share: it reads flags
// and plugs stores and plugin transports into the server of core/. What a command
// does is the work of the packages that it calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/provider"
)

// Exit codes, part of the contract.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// program is what the commands share: what they read and where they write, their
// environment, and the built-in providers of webhooks.
type program struct {
	stdin io.Reader
	// stdout and stderr are guarded while a command runs: see main.
	stdout, stderr io.Writer
	lookupEnv      func(name string) (string, bool)
	calledAs       string // how to call it again, in lines to paste
	providers      provider.Table
	// integration is the one that the command line is about, "" for none.
	integration string
}

// failure is an error of a command's work, not one of its usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, calledAs: os.Args[0], providers: provider.BuiltIn()}
	os.Exit(p.main(ctx, os.Args[1:]))
}

// main runs a command line and returns the exit code. Whatever the command prints,
// nothing of it reaches a terminal as a command to it.
func (p *program) main(ctx context.Context, args []string) int {
	stdout := terminal.Guard(p.stdout)
	p.stdout, p.stderr = stdout, terminal.Guard(p.stderr)
	root := p.root()
	p.nameIntegration(root, args)
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if failed := stdout.Err(); err == nil && failed != nil {
		err = failure{fmt.Errorf("not everything could be printed: %w", failed)}
	}
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(p.stderr, "backflow:", text)
	}
	var failed failure
	if errors.As(err, &failed) {
		return exitFailed
	}
	fmt.Fprintln(p.stderr, `Run "backflow help" for the commands, or a command with --help for its flags.`)
	return exitUsage
}

func (p *program) root() *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:           "backflow",
		Short:         "One config file becomes a REST gateway over integrations, durable workflows and webhooks",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				return run(func(*cobra.Command, []string) error { return build().write(p.stdout) })(cmd, nil)
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.Flags().BoolVar(&showVersion, "version", false, "print the version")
	root.AddCommand(
		p.serveCommand(),
		p.devCommand(),
		p.validateCommand(),
		p.workflowCommand(),
		p.runsCommand(),
		p.eventsCommand(),
		p.destinationsCommand(),
		p.bulkCommand(),
		p.statusCommand(),
		p.triggerCommand(),
		p.sandboxCommand(),
		p.webhooksCommand(),
		p.dbCommand(),
		p.tokenCommand(),
		p.pluginCommand(),
		p.integrationCommand(),
		p.versionCommand(),
	)
	return root
}

// run makes what a command does: its errors are failures, not faults of usage.
func run(work func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := work(cmd, args); err != nil {
			return failure{err}
		}
		return nil
	}
}

// group is a command that only has commands below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%q needs a command below it: %q", cmd.CommandPath(), cmd.CommandPath()+" --help")
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

// noCommand refuses what is not a command below cmd, and suggests the one that was
// perhaps meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", cmd.CommandPath()+" "+args[0])
	// cobra counts edits; two are a typing error.
	cmd.SuggestionsMinimumDistance = 2
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += fmt.Sprintf(" (did you mean %q?)", cmd.CommandPath()+" "+like[0])
	}
	return errors.New(text)
}
