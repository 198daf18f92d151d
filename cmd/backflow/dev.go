package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

// devTokenEnv fixes the development token.
const devTokenEnv = "BACKFLOW_DEV_TOKEN"

func (p *program) devCommand() *cobra.Command {
	var file, listen string
	cmd := &cobra.Command{
		Use:   "dev -c FILE",
		Short: "Run the gateway on a developer's machine",
		Long: `Run the gateway on a developer's machine: on 127.0.0.1 only, with a token of its
own, and with its state under .backflow/ where the config names none. An
integration whose credentials are not in the environment runs in its sandbox, if
it has one.`,
		Example: "  backflow dev -c configs/stripe.json",
		Args:    cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return p.dev(cmd.Context(), file, listen)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on, over server.listen")
	return cmd
}

func (p *program) dev(ctx context.Context, file, listen string) error {
	collectSeldom(p.lookupEnv)
	hup, stop := hangups()
	defer stop()
	options := config.Options{LookupEnv: p.lookupEnv, Dev: true}
	l, err := load(file, options)
	if err != nil {
		return err
	}
	sandbox, err := l.sandboxes(ctx)
	if err != nil {
		return err
	}
	if err := l.refusal(ctx); err != nil {
		return err
	}
	dir, err := makeDevDir()
	if err != nil {
		return err
	}
	kept, err := readDevState(dir)
	if err != nil {
		return err
	}
	if err := kept.renewToken(p); err != nil {
		return err
	}
	if kept.Config, err = filepath.Abs(file); err != nil {
		return err
	}
	everything, err := access.ParseScope("*")
	if err != nil {
		return err
	}
	s := settings{
		listen: listen, dataDir: dir, statePath: filepath.Join(dir, "state.db"), options: options, sandbox: sandbox,
		tokens:   []gateway.Token{{Name: "dev", Hash: access.HashOf(kept.Token), Scopes: []access.Scope{everything}}},
		redactor: &telemetry.Redactor{}, hangups: hup,
	}
	if s.listen == "" {
		if s.listen, err = loopback(l.config.Server.Listen); err != nil {
			return err
		}
	}
	s.redactor.Add(kept.Token)
	s.sandboxes = func(ctx context.Context, l *loaded) (map[string]bool, error) { return l.sandboxes(ctx) }
	s.secrets = func(l *loaded) (map[string]string, error) {
		kept.renewWebhooks(l)
		s.redactor.Add(slices.Collect(maps.Values(kept.Made))...)
		return kept.Made, kept.write(dir)
	}
	s.log = telemetry.NewLogger(p.stderr, telemetry.LogOptions{Redactor: s.redactor, Format: telemetry.FormatText})
	a, err := newApp(ctx, l, s)
	if err != nil {
		return unlessStopped(ctx, err, s.log)
	}
	kept.Address = "http://" + a.listener.Addr().String()
	if err := kept.write(dir); err != nil {
		return errors.Join(err, a.Close())
	}
	p.welcome(l, a, kept)
	return a.serve(ctx)
}

// sandboxes decides which integrations run in their sandbox: those that lack
// credentials in the environment. Those that have no sandbox are faults.
func (l *loaded) sandboxes(ctx context.Context) (map[string]bool, error) {
	sandbox := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(l.config.Credentials)) {
		c := l.config.Credentials[name]
		if len(c.Unset) == 0 || !l.knows(name) {
			continue
		}
		manifest, err := l.inspect(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, field := range c.Unset {
			if manifest.Webhook != nil && field.Pointer == "/"+manifest.Webhook.SecretField {
				continue // made where a webhook needs it
			}
			if manifest.Sandbox {
				sandbox[name] = true
				continue
			}
			l.faults = append(l.faults, c.Fault(field.Pointer,
				fmt.Sprintf("%s is not set, and integration %q has no sandbox to run without it", strings.Join(field.Names, ", "), name),
				"export "+strings.Join(field.Names, "=… ")+"=…"))
		}
	}
	return sandbox, nil
}

// inspect asks a plugin for its manifest, without handing it anything.
func (l *loaded) inspect(ctx context.Context, name string) (*sdk.Manifest, error) {
	launcher := newLaunchers()
	i := slices.IndexFunc(l.specs, func(s plugin.Spec) bool { return s.Name == name })
	manifest, err := plugin.Inspect(ctx, launcher, l.specs[i])
	if err != nil {
		return nil, errors.Join(err, launcher.Close())
	}
	return manifest, launcher.Close()
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

// renewWebhooks notes the webhooks of a config, and makes secrets for those
// that have none.
func (s *devState) renewWebhooks(l *loaded) {
	made := map[string]string{}
	s.Webhooks = nil
	for _, w := range l.config.Webhooks {
		secrets := l.configuredSecrets(w)
		if len(secrets) == 0 {
			if made[w.Name] = s.Made[w.Name]; made[w.Name] == "" {
				made[w.Name] = newWebhookSecret()
			}
			secrets = []string{made[w.Name]}
		}
		s.Webhooks = append(s.Webhooks, devWebhook{Name: w.Name, Provider: w.Provider, Path: w.Path, Secret: secrets[0]})
	}
	s.Made = made
}

// newWebhookSecret makes a secret of 256 random bits, in the form of Stripe's.
func newWebhookSecret() string {
	random := make([]byte, 32)
	// crypto/rand never fails: it ends the program instead.
	_, _ = rand.Read(random)
	return "whsec_" + base64.RawURLEncoding.EncodeToString(random)
}

// loopback is a listen address with its host replaced by this machine alone.
func loopback(listen string) (string, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("server.listen: %w", err)
	}
	return net.JoinHostPort("127.0.0.1", port), nil
}
