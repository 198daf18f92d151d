package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

func (p *program) webhooksCommand() *cobra.Command {
	return group("webhooks", "The endpoints of webhooks at their vendors", p.webhooksSyncCommand())
}

// webhookSync is `backflow webhooks sync`.
type webhookSync struct {
	*program
	file       string
	dryRun     bool
	yes        bool
	secretFile string
	out        output
}

func (p *program) webhooksSyncCommand() *cobra.Command {
	s := &webhookSync{program: p}
	cmd := &cobra.Command{
		Use:   "sync [-c FILE] [--dry-run] [--yes] [--secret-file FILE] [WEBHOOK…]",
		Short: "Register the address of webhooks at their vendors, or bring what is registered up to date",
		Long: `Register the address of webhooks at their vendors: server.publicUrl and the path of
the webhook, for the types of events that its filter names. First it shows what it
would do. An endpoint with that address is changed where it differs, and no second one
is made beside it; those with other addresses are left alone. Without a name it is
about all webhooks whose provider registers endpoints.

The secret that the vendor returns for a new endpoint goes to --secret-file, a new file
that only you can read, or once to a terminal. It is printed nowhere else.`,
		Example: `  backflow webhooks sync -c backflow.json --dry-run
  backflow webhooks sync -c backflow.json --yes --secret-file stripe.secret stripe-events`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !s.yes && !s.dryRun && !p.canAsk() {
				return errors.New("nobody can be asked whether the vendors are to be changed: --yes does it, --dry-run shows what would be done")
			}
			return run(func(cmd *cobra.Command, args []string) error { return s.run(cmd.Context(), args) })(cmd, args)
		},
	}
	configFlag(cmd, &s.file)
	s.out.flag(cmd, formTable)
	cmd.Flags().BoolVar(&s.dryRun, "dry-run", false, "only show what would be done")
	cmd.Flags().BoolVar(&s.yes, "yes", false, "do not ask before a vendor is changed")
	cmd.Flags().StringVar(&s.secretFile, "secret-file", "", "a new `FILE` for the secret that the vendor returns")
	return cmd
}

// endpointView is what is done to an endpoint, as it is printed. It has no secret.
type endpointView struct {
	Webhook  string               `json:"webhook"`
	Provider string               `json:"provider"`
	Action   sdk.EndpointAction   `json:"action"`
	ID       string               `json:"id,omitempty"`
	URL      string               `json:"url"`
	Types    []string             `json:"types"`
	Version  string               `json:"version,omitempty"`
	Changes  []sdk.EndpointChange `json:"changes,omitempty"`
	Notes    []string             `json:"notes,omitempty"`
	// Applied says that it was done, and SecretFile where the secret is.
	Applied    bool   `json:"applied"`
	SecretFile string `json:"secretFile,omitempty"`
}

func viewOf(e compile.Endpoint, sync sdk.EndpointSync) endpointView {
	return endpointView{
		Webhook: e.Webhook.Name, Provider: e.Webhook.Provider, Action: sync.Action, ID: sync.ID, URL: sync.URL,
		Types: append([]string{}, sync.Types...), Version: sync.Version, Changes: sync.Changes, Notes: sync.Notes,
	}
}

func (s *webhookSync) run(ctx context.Context, names []string) (err error) {
	plan, err := s.load(s.file, config.Options{LookupEnv: s.lookupEnv, AllowUnsetEnv: true})
	if err != nil {
		return err
	}
	launcher := newLaunchers()
	defer func() { err = errors.Join(err, launcher.Close()) }()
	endpoints, err := plan.Endpoints(ctx, launcher, names...)
	if err != nil {
		return err
	}
	opened := map[string]*plugin.Endpoints{}
	defer func() {
		for _, vendor := range opened {
			err = errors.Join(err, vendor.Close(context.WithoutCancel(ctx)))
		}
	}()
	notes := slog.New(slog.NewTextHandler(s.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	views := make([]endpointView, len(endpoints))
	made, changed := 0, 0
	for i, e := range endpoints {
		vendor := opened[e.Webhook.Provider]
		if vendor == nil {
			dataDir, err := checkedDataDir(plan, false)
			if err != nil {
				return err
			}
			if vendor, err = plan.OpenEndpoints(ctx, launcher, e.Webhook.Provider, dataDir, notes); err != nil {
				return err
			}
			opened[e.Webhook.Provider] = vendor
		}
		planned, err := s.ask(ctx, vendor, e.Request)
		if err != nil {
			return fmt.Errorf("webhook %s: %w", e.Webhook.Name, err)
		}
		views[i] = viewOf(e, planned)
		switch planned.Action {
		case sdk.EndpointCreate:
			made++
		case sdk.EndpointUpdate:
			changed++
		}
	}
	if made+changed == 0 || s.dryRun {
		return s.show(views)
	}
	if err := s.checkSecretPlace(made); err != nil {
		return errors.Join(s.show(views), err)
	}
	if !s.yes {
		plan := s.stdout
		if s.out.form != formTable {
			plan = s.stderr
		}
		if err := writeEndpoints(plan, views); err != nil {
			return err
		}
		if !s.agreed(question(made, changed)) {
			fmt.Fprintln(s.stderr, "nothing was done")
			return nil
		}
	}
	return s.apply(ctx, endpoints, views, opened)
}

// question is what is asked before anything is changed.
func question(made, changed int) string {
	var what []string
	if made > 0 {
		what = append(what, "make "+counted(made, "endpoint"))
	}
	if changed > 0 {
		what = append(what, "change "+counted(changed, "endpoint"))
	}
	return strings.Join(what, " and ") + "?"
}

// checkSecretPlace makes sure that a secret has a place to go to before it is made: a
// vendor returns it once.
func (s *webhookSync) checkSecretPlace(made int) error {
	switch {
	case made == 0:
		return nil
	case s.secretFile == "" && (!terminal.Is(s.stdout) || s.out.form != formTable):
		return errors.New("the vendor returns a secret once, and there is no place for it: give --secret-file FILE, or run this in a terminal")
	case s.secretFile != "" && made > 1:
		return fmt.Errorf("%d endpoints are to be made, each with a secret of its own, and a file has one: name one webhook at a time", made)
	}
	return nil
}

// apply does what was shown, and shows what came of it.
func (s *webhookSync) apply(ctx context.Context, endpoints []compile.Endpoint, views []endpointView, opened map[string]*plugin.Endpoints) error {
	var failed []error
	for i, e := range endpoints {
		if views[i].Action == sdk.EndpointKeep {
			continue
		}
		if err := s.applyOne(ctx, opened[e.Webhook.Provider], e, &views[i]); err != nil {
			failed = append(failed, fmt.Errorf("webhook %s: %w", e.Webhook.Name, err))
			break // what comes after it is shown as not done
		}
	}
	return errors.Join(append([]error{s.show(views)}, failed...)...)
}

func (s *webhookSync) applyOne(ctx context.Context, vendor *plugin.Endpoints, e compile.Endpoint, view *endpointView) (err error) {
	var file *os.File
	if view.Action == sdk.EndpointCreate && s.secretFile != "" {
		// It is made before the endpoint: a secret that cannot be kept is lost.
		if file, err = os.OpenFile(s.secretFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return fmt.Errorf("--secret-file: %w", err)
		}
	}
	request := e.Request
	request.Apply, request.IdempotencyKey = true, "webhooks-sync-"+rand.Text()
	done, err := s.ask(ctx, vendor, request)
	if err != nil {
		if file != nil {
			err = errors.Join(err, file.Close(), os.Remove(s.secretFile))
		}
		return err
	}
	*view = viewOf(e, done)
	view.Applied = true
	return s.keepSecret(done, file, view)
}

// keepSecret writes the secret to the file, or to the terminal.
func (s *webhookSync) keepSecret(done sdk.EndpointSync, file *os.File, view *endpointView) error {
	switch {
	case file != nil && done.Secret == "":
		view.Notes = append(view.Notes, "no secret was returned: the one that the endpoint has is on its page at the vendor")
		return errors.Join(file.Close(), os.Remove(s.secretFile))
	case file != nil:
		_, err := file.WriteString(done.Secret + "\n")
		if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
			return fmt.Errorf("the endpoint %s was made, and its secret could not be kept: %w; it is on the endpoint's page at the vendor", done.ID, err)
		}
		view.SecretFile = s.secretFile
	case done.Secret != "" && terminal.Is(s.stdout) && s.out.form == formTable:
		fmt.Fprintf(s.stdout, "The secret of %s, which is shown once: %s\n", done.ID, done.Secret)
	case done.Secret != "":
		view.Notes = append(view.Notes, "its secret was not kept: it is on the endpoint's page at the vendor")
	}
	return nil
}

// syncTries is how often a vendor is asked that is busy or cannot be reached, and
// longestSyncPause how long is waited between.
const (
	syncTries        = 3
	longestSyncPause = 10 * time.Second
)

// ask asks a vendor, again under the same key where that is safe.
func (s *webhookSync) ask(ctx context.Context, vendor *plugin.Endpoints, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	for try := 1; ; try++ {
		sync, err := vendor.Sync(ctx, request)
		var refused *sdk.Error
		if err == nil || !errors.As(err, &refused) || !refused.Retryable || try == syncTries {
			return sync, err
		}
		pause := min(max(refused.RetryAfter, time.Second), longestSyncPause)
		if err := backoff.Sleep(ctx, pause); err != nil {
			return sync, err
		}
	}
}

// show prints what is done, or would be.
func (s *webhookSync) show(views []endpointView) error {
	return s.out.writeValue(s.stdout, views, func(w io.Writer) error { return writeEndpoints(w, views) })
}

// writeEndpoints writes endpoints for people.
func writeEndpoints(w io.Writer, views []endpointView) error {
	var text strings.Builder
	for _, v := range views {
		fmt.Fprintf(&text, "%s: %s\n  address  %s\n  types    %s\n", v.Webhook, doneTo(v), v.URL, strings.Join(v.Types, " "))
		if v.Version != "" {
			fmt.Fprintf(&text, "  version  %s\n", v.Version)
		}
		for _, change := range v.Changes {
			fmt.Fprintf(&text, "  change   %s: %s → %s\n", change.Field, orNothing(change.From), orNothing(change.To))
		}
		for _, note := range v.Notes {
			fmt.Fprintf(&text, "  note     %s\n", note)
		}
		if v.SecretFile != "" {
			fmt.Fprintf(&text, "  secret   in %s\n", v.SecretFile)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// doneTo says in words what is done to an endpoint, or would be.
func doneTo(v endpointView) string {
	switch {
	case v.Action == sdk.EndpointKeep:
		return v.ID + " of " + v.Provider + " is as it should be"
	case v.Action == sdk.EndpointCreate && v.Applied:
		return v.ID + " was made at " + v.Provider
	case v.Action == sdk.EndpointCreate:
		return "an endpoint is to be made at " + v.Provider
	case v.Applied:
		return v.ID + " of " + v.Provider + " was changed"
	default:
		return v.ID + " of " + v.Provider + " is to be changed"
	}
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
