package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/conformance"
)

// pluginTest is what the flags of plugin test say.
type pluginTest struct {
	places       pluginPlaces
	config       string
	allowedHosts []string
	env          []string
	sum          string
	timeout      time.Duration
	out          output
	verbose      bool
}

func (p *program) pluginTestCommand() *cobra.Command {
	var t pluginTest
	cmd := &cobra.Command{
		Use:   "test PATH|NAME",
		Short: "Run the conformance suite against a plugin",
		Long: `Check whether a plugin keeps what the gateway counts on: manifest, schemas and
examples, bad params, unknown actions, deadlines, cancellation, many calls at once,
repeated keys, large params, standard output and its end.

Actions are called with the examples of the manifest, several times, and with params
that cannot be carried out. A plugin that takes credentials is called in its sandbox
if it has one; without a sandbox it is called only if --config gives the credentials,
and then ITS WRITING ACTIONS ARE REALLY EXECUTED, with the examples' params. Those
whose repeat is "none" are executed once.`,
		Example: `  backflow plugin test bin/backflow-plugin-acme
  backflow plugin test bin/acme.wasm --allowed-hosts api.acme.com -o junit > report.xml
  backflow plugin test bin/plugins/backflow-plugin-database --config '{"url":"sqlite:///tmp/t.db"}'`,
		Args:    cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error { return t.check() },
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.testPlugin(cmd.Context(), args[0], t)
		}),
	}
	t.places.dirFlag(cmd)
	t.places.complete(cmd, p)
	cmd.Flags().StringVar(&t.config, "config", "", "the plugin's credentials: JSON, or @FILE")
	cmd.Flags().StringSliceVar(&t.allowedHosts, "allowed-hosts", nil, "hosts that a WASM plugin may send HTTP requests to")
	cmd.Flags().StringArrayVar(&t.env, "env", nil, "NAME=VALUE for the environment of a process plugin")
	cmd.Flags().StringVar(&t.sum, "sha256", "", "the checksum that the file must have")
	cmd.Flags().DurationVar(&t.timeout, "timeout", conformance.DefaultTimeout, "how long an example may take")
	t.out.flag(cmd, formTable, formJUnit)
	cmd.Flags().BoolVarP(&t.verbose, "verbose", "v", false, "show what was done, and what the plugin logs (on standard error)")
	return cmd
}

// check refuses flags that mean nothing.
func (t *pluginTest) check() error {
	if t.timeout <= 0 {
		return errors.New("--timeout is a duration above zero, such as 10s")
	}
	for _, variable := range t.env {
		if name, _, ok := strings.Cut(variable, "="); !ok || name == "" {
			return fmt.Errorf("--env is NAME=VALUE, not %q", name)
		}
	}
	for _, host := range t.allowedHosts {
		if _, err := egress.ParseHost(host); err != nil {
			return fmt.Errorf("--allowed-hosts: %w", err)
		}
	}
	return nil
}

// credentials reads --config, whose base directory is that of the file it is in,
// or the working directory. They are nil where none were given.
func (t *pluginTest) credentials(p *program) (credentials json.RawMessage, baseDir string, err error) {
	if baseDir, err = os.Getwd(); err != nil || t.config == "" {
		return nil, baseDir, err
	}
	if credentials, err = p.readJSON("--config", t.config); err != nil {
		return nil, "", err
	}
	if credentials = bytes.TrimSpace(credentials); credentials[0] != '{' {
		return nil, "", errors.New("--config: not a JSON object: it is what the config has under credentials.NAME")
	}
	if file, ok := strings.CutPrefix(t.config, "@"); ok {
		baseDir, err = filepath.Abs(filepath.Dir(file))
	}
	return credentials, baseDir, err
}

// spec returns how the plugin is run.
func (t *pluginTest) spec(p *program, argument string) (plugin.Spec, error) {
	spec, err := t.places.find(p, argument)
	if err != nil {
		return spec, err
	}
	spec.SHA256 = strings.TrimPrefix(t.sum, "sha256:")
	for _, text := range t.allowedHosts {
		host, err := egress.ParseHost(text)
		if err != nil {
			return spec, fmt.Errorf("--allowed-hosts: %w", err)
		}
		spec.WASM.AllowedHosts = append(spec.WASM.AllowedHosts, host)
	}
	for _, variable := range t.env {
		name, value, _ := strings.Cut(variable, "=")
		if spec.Env == nil {
			spec.Env = make(map[string]string)
		}
		spec.Env[name] = value
		spec.Secrets = append(spec.Secrets, value)
	}
	return spec, nil
}

func (p *program) testPlugin(ctx context.Context, argument string, t pluginTest) (err error) {
	spec, err := t.spec(p, argument)
	if err != nil {
		return err
	}
	credentials, baseDir, err := t.credentials(p)
	if err != nil {
		return err
	}
	dataDir, err := os.MkdirTemp("", "backflow-plugin-test-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dataDir)) }()
	logger := slog.New(slog.DiscardHandler)
	if t.verbose {
		logger = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	launcher := newLaunchers()
	report, err := conformance.Run(ctx, conformance.Options{
		Launcher: launcher, Spec: spec, Credentials: credentials, BaseDir: baseDir, DataDir: dataDir,
		Timeout: t.timeout, Logger: logger,
	})
	if err := errors.Join(err, launcher.Close()); err != nil {
		return err
	}
	if err := p.writeReport(report, t); err != nil {
		return err
	}
	if failed := report.Count(conformance.Failed); failed > 0 {
		return fmt.Errorf("%d of %s failed", failed, count(len(report.Checks), "check"))
	}
	return nil
}
