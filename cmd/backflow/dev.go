package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/server"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk/gcpace"
)

// devTokenEnv fixes the development token.
const devTokenEnv = "BACKFLOW_DEV_TOKEN"

func (p *program) devCommand() *cobra.Command {
	var file, listen string
	var level logLevel
	cmd := &cobra.Command{
		Use:   "dev [-c FILE]",
		Short: "Run the gateway on a developer's machine",
		Long: `Run the gateway on a developer's machine: on 127.0.0.1 only, with a token of its
own, and with its state under .backflow/ where the config names none. An
integration whose credentials are not in the environment runs in its sandbox, if
it has one.`,
		Example: "  backflow dev -c configs/stripe.json",
		Args:    cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.dev(cmd.Context(), file, listen, &level)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on, over server.listen")
	level.flag(cmd)
	return cmd
}

func (p *program) dev(ctx context.Context, file, listen string, level *logLevel) (err error) {
	gcpace.Tune(spareHeap, p.lookupEnv)
	signals, stop := sighup()
	defer stop()
	plan, err := p.load(file, config.Options{LookupEnv: p.lookupEnv, Dev: true})
	if err != nil {
		return err
	}
	launchers := newLaunchers()
	defer func() { err = errors.Join(err, launchers.Close()) }()
	if err := plan.ChooseSandboxes(ctx, launchers); err != nil {
		return err
	}
	if err := plan.Refusal(ctx, launchers); err != nil {
		return err
	}
	dir, err := makeDevDir()
	if err != nil {
		return err
	}
	saved, err := readDevState(dir)
	if err != nil {
		return err
	}
	if err := saved.renewToken(p); err != nil {
		return err
	}
	if saved.Config, err = filepath.Abs(file); err != nil {
		return err
	}
	everything, err := access.ParseScope("*")
	if err != nil {
		return err
	}
	if listen == "" {
		if listen, err = loopback(plan.Config.Server.Listen); err != nil {
			return err
		}
	}
	redactor := &telemetry.Redactor{}
	redactor.Add(saved.Token)
	log := telemetry.NewLogger(p.stderr, telemetry.LogOptions{Redactor: redactor, Format: telemetry.FormatText, Level: level.begin(plan)})
	s, err := startServer(ctx, plan, listen, server.Options{
		OpenStore: storeOpener(filepath.Join(dir, "state.db"), log),
		Launcher:  launchers, DataDir: dir, Sighup: signals, Logger: log, LogLevel: level.fromConfig(), Redactor: redactor,
		Tokens: []gateway.Token{{Name: "dev", Hash: access.HashOf(saved.Token), Scopes: []access.Scope{everything}}},
		WebhookSecrets: func(plan *compile.Plan) map[string]string {
			made := saved.makeSecrets(plan)
			redactor.Add(slices.Collect(maps.Values(made))...)
			return made
		},
		Keep: func(plan *compile.Plan) error {
			saved.renewWebhooks(plan)
			return saved.write(dir)
		},
	})
	if err != nil {
		return unlessStopped(ctx, err, log)
	}
	saved.Address = "http://" + s.Addr().String()
	if err := saved.write(dir); err != nil {
		return errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	p.banner(plan, s.Actions(), saved)
	return s.Serve(ctx)
}

// renewToken takes the token from the environment, or makes one.
func (s *devState) renewToken(p *program) error {
	if token, set := p.lookupEnv(devTokenEnv); set {
		if token == "" {
			return fmt.Errorf("%s is empty", devTokenEnv)
		}
		s.Token = token
	}
	if s.Token == "" {
		s.Token = newToken()
	}
	return nil
}

// makeSecrets returns secrets for the webhooks of a config that have none, each as it
// was made before, if it was.
func (s *devState) makeSecrets(plan *compile.Plan) map[string]string {
	made := map[string]string{}
	for _, w := range plan.Config.Webhooks {
		if w.Own() || len(plan.WebhookSecrets(w)) > 0 {
			continue
		}
		if s.MadeSecrets[w.Name] == "" {
			if s.MadeSecrets == nil {
				s.MadeSecrets = map[string]string{}
			}
			s.MadeSecrets[w.Name] = plan.NewWebhookSecret(w)
		}
		made[w.Name] = s.MadeSecrets[w.Name]
	}
	return made
}

// renewWebhooks notes the webhooks of a config, and forgets what was made for others.
func (s *devState) renewWebhooks(plan *compile.Plan) {
	made := s.makeSecrets(plan)
	s.Webhooks = nil
	for _, w := range plan.Config.Webhooks {
		if w.Own() {
			continue
		}
		secret := made[w.Name]
		if secrets := plan.WebhookSecrets(w); len(secrets) > 0 {
			secret = secrets[0]
		}
		s.Webhooks = append(s.Webhooks, devWebhook{Name: w.Name, Provider: w.Provider, Path: w.Path, Secret: secret})
	}
	s.MadeSecrets = made
}

// loopback is a listen address with its host replaced by this machine alone.
func loopback(listen string) (string, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("server.listen: %w", err)
	}
	return net.JoinHostPort("127.0.0.1", port), nil
}
