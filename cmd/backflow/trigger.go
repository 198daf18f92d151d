package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

// sampleTimeout bounds the start of the plugin that makes a sample.
const sampleTimeout = 30 * time.Second

// target is where a sample event goes, and what signs it.
type target struct {
	address, path, secret string
	// publicURL is by what address the gateway is known, empty where unknown.
	publicURL string
	provider  provider.Provider
}

// url is the address that the gateway takes a request to be sent to, for senders that
// sign it; empty where unknown.
func (t target) url() string {
	if t.publicURL == "" {
		return ""
	}
	return t.publicURL + t.path
}

// triggerFlags are the flags of trigger.
type triggerFlags struct {
	file, secret, path, pluginDir string
	set                           []string
	chain, list                   bool
	out                           output
}

func (p *program) triggerCommand() *cobra.Command {
	var flags triggerFlags
	cmd := &cobra.Command{
		Use:   "trigger PROVIDER EVENT_TYPE [--chain] [--set path=value] [-c FILE | --secret S --path P]",
		Short: "Send a correctly signed sample event to a gateway",
		Long: `Send a correctly signed sample event to a gateway: the one at BACKFLOW_URL, else
the one that "backflow dev" runs in this directory, else http://127.0.0.1:3000.
Without flags path and secret are those of "backflow dev" in this directory. With
-c they are those of a config: the webhook's own secret, else the one in the
credentials of its provider. The sample is made by the provider.

With --chain a life cycle is sent that has the event in it: what comes before it,
about the same objects, each event when the one before it was accepted. --set changes
the event that is named, and no other.`,
		Example: `  backflow trigger stripe payment_intent.succeeded
  backflow trigger stripe payment_intent.succeeded --set data.object.amount=4200
  backflow trigger stripe charge.refunded --chain
  backflow trigger stripe --list`,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.list {
				return cobra.ExactArgs(1)(cmd, args)
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		PreRunE: func(*cobra.Command, []string) error {
			if (flags.secret == "") != (flags.path == "") {
				return errors.New("--secret and --path go together")
			}
			if flags.file != "" && flags.secret != "" {
				return errors.New("-c and --secret exclude each other")
			}
			_, err := flags.values()
			return err
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			if flags.list {
				return p.listEventTypes(cmd.Context(), args[0], &flags)
			}
			return p.trigger(cmd.Context(), args[0], args[1], &flags)
		}),
	}
	cmd.Flags().StringVarP(&flags.file, "config", "c", "", "config whose webhook is sent to")
	cmd.Flags().StringVar(&flags.secret, "secret", "", "secret that signs the event")
	cmd.Flags().StringVar(&flags.path, "path", "", "path of the webhook")
	cmd.Flags().StringVar(&flags.pluginDir, "plugin-dir", "", "directory of the provider's plugin, with --secret (default: plugins beside this program)")
	cmd.Flags().StringArrayVar(&flags.set, "set", nil, "field of the named event and its value, as JSON or text: data.object.amount=4200")
	cmd.Flags().BoolVar(&flags.chain, "chain", false, "send the events of a life cycle that has the named one in it, in order")
	cmd.Flags().BoolVar(&flags.list, "list", false, "list the types of which the provider makes samples, and send nothing")
	flags.out.flag(cmd, formTable)
	configFiles(cmd)
	complete(cmd, p.webhookProviders(&flags.file), p.eventTypes(&flags.file))
	return cmd
}

// values reads --set. What is not JSON is text.
func (f *triggerFlags) values() (map[string]string, error) {
	values := make(map[string]string, len(f.set))
	for _, assignment := range f.set {
		path, text, ok := strings.Cut(assignment, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--set wants path=value, not %q", assignment)
		}
		if !json.Valid([]byte(text)) {
			text = quoteJSON(text)
		}
		values[path] = text
	}
	return values, nil
}

func (p *program) trigger(ctx context.Context, provider, eventType string, flags *triggerFlags) error {
	to, err := p.target(ctx, provider, flags)
	if err != nil {
		return err
	}
	values, err := flags.values()
	if err != nil {
		return err
	}
	sample, err := to.provider.Sample(ctx, sdk.SampleRequest{EventType: eventType, Set: values, Secret: to.secret, Now: time.Now(), Chain: flags.chain, URL: to.url()})
	var failed *sdk.Error
	if errors.As(err, &failed) {
		return errors.New(failed.Message) // a code is for programs
	}
	if err != nil {
		return err
	}
	c := &client.Client{Address: to.address} // the signature is what lets the event in
	if !flags.chain {
		response, err := c.Deliver(ctx, to.path, sample.Headers, sample.Body)
		if err != nil {
			return err
		}
		return flags.out.write(p.stdout, response, func(w io.Writer) error { return terminal.WriteLine(w, response) })
	}
	return p.sendChain(ctx, c, to.path, append(slices.Clone(sample.Before), sample), &flags.out)
}

// sendChain sends events in order, each when the one before it was accepted, and
// prints what became of each: for people at once, for programs as one list.
func (p *program) sendChain(ctx context.Context, c *client.Client, path string, samples []sdk.Sample, out *output) error {
	responses := make([]json.RawMessage, len(samples))
	for i, sample := range samples {
		response, err := c.Deliver(ctx, path, sample.Headers, sample.Body)
		if err != nil {
			return fmt.Errorf("event %d of %d%s: %w", i+1, len(samples), named(sample), err)
		}
		responses[i] = response
		if out.form == formTable {
			if _, err := fmt.Fprintln(p.stdout, terminal.Printable(string(responses[i])+named(sample))); err != nil {
				return err
			}
		}
	}
	return out.writeValue(p.stdout, responses, func(io.Writer) error { return nil })
}

// named is the type of a sample, to be shown behind something else, where its body
// is an object with one, as most senders' are.
func named(sample sdk.Sample) string {
	var event struct{ Type string }
	if err := json.Unmarshal(sample.Body, &event); err != nil || event.Type == "" {
		return ""
	}
	return " (" + event.Type + ")"
}

// defaultAddress is where a gateway listens of which nothing else is known.
const defaultAddress = "http://127.0.0.1:3000"

// target finds where to send to, and what signs it. What the flags do not say comes
// from the environment, then from where `dev` noted it.
func (p *program) target(ctx context.Context, name string, flags *triggerFlags) (target, error) {
	saved, err := readDevState(devDir)
	if err != nil {
		return target{}, err
	}
	to := target{address: defaultAddress, path: flags.path, secret: flags.secret}
	var specs map[string]plugin.Spec
	var plan *compile.Plan
	var webhook config.Webhook
	switch {
	case flags.file != "":
		plan, webhook, err = p.targetInConfig(ctx, name, flags.file, &saved, &to)
	case flags.secret != "":
		specs, err = flags.plugins()
	default:
		plan, webhook, err = p.targetOfDev(name, &saved, &to)
	}
	if err != nil {
		return target{}, err
	}
	from := devStatePath(devDir)
	if address, set := p.lookupEnv(urlEnv); set {
		to.address, from = address, urlEnv
	}
	if to.address, err = gatewayURL(to.address, from); err != nil {
		return target{}, err
	}
	if plan != nil {
		specs = plan.Plugins
	}
	var installed provider.Integration
	if spec, found := specs[name]; found {
		installed = unstarted{spec}
	}
	var found bool
	if plan != nil {
		to.provider, found = plan.WebhookProvider(webhook, installed)
	} else {
		to.provider, found = p.providers.Lookup(name, installed)
	}
	switch {
	case !found && plan == nil && name == provider.Custom:
		return target{}, errors.New("how the sender of a custom webhook signs is in a config: give -c FILE")
	case !found:
		return target{}, fmt.Errorf("there is no plugin %s that could make the sample", name)
	}
	if to.provider.Sample == nil {
		return target{}, fmt.Errorf("provider %s makes no samples", name)
	}
	return to, nil
}

// targetInConfig takes path and secret from a config, the secret from where `serve`
// would take it. The address in the folder of `dev` is used only where its secret
// is the same: no event that is signed with another goes there.
func (p *program) targetInConfig(ctx context.Context, provider, file string, saved *devState, to *target) (*compile.Plan, config.Webhook, error) {
	plan, err := p.load(file, config.Options{LookupEnv: p.lookupEnv, Dev: true})
	if err != nil {
		return nil, config.Webhook{}, err
	}
	w, ok := webhookOf(plan.Config, func(w config.Webhook) bool { return w.Provider == provider })
	if !ok {
		return nil, config.Webhook{}, fmt.Errorf("%s has no webhook of provider %s", plan.Config.Path, provider)
	}
	if !w.Secrets.Given {
		launcher := newLaunchers()
		if err := errors.Join(plan.AskProvider(ctx, launcher, provider), launcher.Close()); err != nil {
			return nil, config.Webhook{}, err
		}
	}
	to.path, to.publicURL = w.Path, plan.Config.Server.PublicURL
	if secrets := plan.WebhookSecrets(w); len(secrets) > 0 {
		to.secret = secrets[0]
	} else if to.secret = saved.MadeSecrets[w.Name]; to.secret == "" {
		return nil, config.Webhook{}, fmt.Errorf("webhook %s has no secret: %s has no value, and %s notes none that was made. Set what it needs, or give --secret and --path",
			w.Name, whereSecretIs(plan, w), devStatePath(devDir))
	}
	if listen, err := loopback(plan.Config.Server.Listen); err == nil {
		to.address = "http://" + listen
	}
	if saved.Address != "" && slices.ContainsFunc(saved.Webhooks, func(known devWebhook) bool { return known.Name == w.Name && known.Secret == to.secret }) {
		to.address = saved.Address
	}
	return plan, w, nil
}

// whereSecretIs says where a config has the secret of a webhook, or would have it.
func whereSecretIs(plan *compile.Plan, w config.Webhook) string {
	field := plan.SecretField(w.Provider)
	switch {
	case w.Secrets.Given:
		return "its own secret in " + plan.Config.Path
	case field == "":
		return "a secret of its own in " + plan.Config.Path
	default:
		return "neither a secret of its own nor credentials." + w.Provider + "." + field + " in " + plan.Config.Path
	}
}

// targetOfDev takes everything from where `dev` noted it.
func (p *program) targetOfDev(provider string, saved *devState, to *target) (*compile.Plan, config.Webhook, error) {
	i := slices.IndexFunc(saved.Webhooks, func(w devWebhook) bool { return w.Provider == provider })
	if i < 0 {
		return nil, config.Webhook{}, fmt.Errorf("no webhook of %s is known in %s: give -c FILE or --secret and --path, or run this where `backflow dev` runs", provider, devStatePath(devDir))
	}
	to.address, to.path, to.secret = saved.Address, saved.Webhooks[i].Path, saved.Webhooks[i].Secret
	plan, err := p.load(saved.Config, config.Options{LookupEnv: p.lookupEnv, Dev: true})
	if err != nil {
		return nil, config.Webhook{}, err
	}
	to.publicURL = plan.Config.Server.PublicURL
	w, ok := webhookOf(plan.Config, func(w config.Webhook) bool { return w.Name == saved.Webhooks[i].Name })
	if !ok {
		return nil, config.Webhook{}, fmt.Errorf("%s has no webhook %s any more", plan.Config.Path, saved.Webhooks[i].Name)
	}
	return plan, w, nil
}

// webhookOf returns the first webhook of a config of which something holds.
func webhookOf(cfg *config.Config, holds func(config.Webhook) bool) (config.Webhook, bool) {
	if i := slices.IndexFunc(cfg.Webhooks, holds); i >= 0 {
		return cfg.Webhooks[i], true
	}
	return config.Webhook{}, false
}

// plugins are those that are found without a config, by name.
func (f *triggerFlags) plugins() (map[string]plugin.Spec, error) {
	dirs := installedPlugins()
	if f.pluginDir != "" {
		dirs = []string{f.pluginDir}
	}
	found, err := plugin.Discover(dirs)
	if err != nil {
		return nil, err
	}
	specs := make(map[string]plugin.Spec, len(found))
	for _, spec := range found {
		specs[spec.Name] = spec
	}
	return specs, nil
}

// unstarted is a plugin that runs only while it makes a sample.
type unstarted struct{ spec plugin.Spec }

// Manifest is not known.
func (unstarted) Manifest() *sdk.Manifest { return nil }

// SampleWebhook starts the plugin, without any config, and has it make a sample.
func (u unstarted) SampleWebhook(ctx context.Context, request sdk.SampleRequest) (sample sdk.Sample, err error) {
	err = u.start(ctx, func(ctx context.Context, instance plugin.Instance) (err error) {
		sample, err = instance.SampleWebhook(ctx, request)
		return err
	})
	return sample, err
}

// ask starts the plugin and returns its manifest.
func (u unstarted) ask(ctx context.Context) (manifest *sdk.Manifest, err error) {
	err = u.start(ctx, func(ctx context.Context, instance plugin.Instance) (err error) {
		manifest, err = instance.Manifest(ctx)
		return err
	})
	return manifest, err
}

// start has the plugin run while it is asked something.
func (u unstarted) start(ctx context.Context, ask func(context.Context, plugin.Instance) error) error {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	launcher := newLaunchers()
	instance, err := launcher.Launch(ctx, u.spec, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.Join(err, launcher.Close())
	}
	return errors.Join(ask(ctx, instance), instance.Close(ctx), launcher.Close())
}

// listEventTypes prints the types of which a provider makes samples.
func (p *program) listEventTypes(ctx context.Context, name string, flags *triggerFlags) error {
	specs, err := p.knownPlugins(flags)
	if err != nil {
		return err
	}
	var installed provider.Integration
	if spec, found := specs[name]; found {
		manifest, err := unstarted{spec}.ask(ctx)
		if err != nil {
			return err
		}
		installed = described{manifest}
	}
	found, ok := p.providers.Lookup(name, installed)
	if !ok {
		return fmt.Errorf("there is no plugin %s that could make samples", name)
	}
	return flags.out.writeValue(p.stdout, found.EventTypes, func(w io.Writer) error {
		for _, eventType := range found.EventTypes {
			if _, err := fmt.Fprintln(w, terminal.Printable(eventType)); err != nil {
				return err
			}
		}
		return nil
	})
}

// knownPlugins are those of the config, of the one that `dev` runs here, or the
// installed ones.
func (p *program) knownPlugins(flags *triggerFlags) (map[string]plugin.Spec, error) {
	file := flags.file
	if file == "" && flags.pluginDir == "" {
		saved, err := readDevState(devDir)
		if err != nil {
			return nil, err
		}
		file = saved.Config
	}
	if file == "" {
		return flags.plugins()
	}
	plan, err := p.load(file, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
	if err != nil {
		return nil, err
	}
	return plan.Plugins, nil
}

// described is a plugin of which nothing but its manifest is known.
type described struct{ manifest *sdk.Manifest }

// Manifest returns it.
func (d described) Manifest() *sdk.Manifest { return d.manifest }

// quoteJSON writes a text as a JSON string.
func quoteJSON(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(data)
}
