package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// eventsVerify is `backflow events verify`.
type eventsVerify struct {
	*program
	file, body, url, method, at string
	headers                     []string
	refused                     int64
	out                         output
}

func (p *program) eventsVerifyCommand() *cobra.Command {
	v := &eventsVerify{program: p}
	cmd := &cobra.Command{
		Use:   "verify WEBHOOK [-c FILE] (--body FILE --header 'K: V'… | --refused N) [--url U] [--method M] [--at TIME]",
		Short: "Say why a captured request to a webhook is accepted or refused",
		Long: `Judge a captured request with the provider and the secrets of a config, and say why
it is accepted or refused, by which secret, and whether the filter lets its event
through. Nothing is stored, and no gateway is needed.

With --refused it is a request that the gateway at BACKFLOW_URL has refused, as it keeps
it where the webhook has keepRefused; it is judged at the time at which it came.

It exits with 0 for a request that is accepted, and with 1 for one that is refused.`,
		Example: `  backflow events verify stripe-events -c backflow.json --body request.json --header 'Stripe-Signature: t=…,v1=…' --at 2026-01-31T12:00:00Z
  backflow events verify stripe-events -c backflow.json --refused 17`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.check(cmd.Flags().Changed); err != nil {
				return err
			}
			return run(func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args[0]) })(cmd, args)
		},
	}
	configFlag(cmd, &v.file)
	cmd.Flags().StringVar(&v.body, "body", "", "`FILE` with the raw body, - for the input")
	cmd.Flags().StringArrayVar(&v.headers, "header", nil, "header of the request, as in 'Content-Type: application/json'")
	cmd.Flags().StringVar(&v.url, "url", "", "address that was called, or its path and query (default: server.publicUrl and the path of the webhook)")
	cmd.Flags().StringVar(&v.method, "method", "", "method of the request (default: POST)")
	cmd.Flags().StringVar(&v.at, "at", "", "when it came: a time of RFC 3339, or Unix seconds (default: now)")
	cmd.Flags().Int64Var(&v.refused, "refused", 0, "number of a request that the gateway has refused")
	v.out.flag(cmd, formTable)
	for _, name := range []string{"header", "url", "method", "at", "refused"} {
		completeFlag(cmd, name, fixed())
	}
	return cmd
}

// check says what is wrong with the flags, of which given reports those that are there.
func (v *eventsVerify) check(given func(flag string) bool) error {
	switch {
	case given("refused") && (given("body") || given("header") || given("url") || given("method")):
		return errors.New("--refused is a whole request: --body, --header, --url and --method do not go with it")
	case given("refused") && v.refused < 1:
		return fmt.Errorf("--refused is the number of a refused request, and %d is none", v.refused)
	case !given("refused") && !given("body") && (v.method == "" || strings.EqualFold(v.method, http.MethodPost)):
		return errors.New("--body FILE is missing (- reads it from the input)")
	}
	if _, err := v.header(); err != nil {
		return err
	}
	_, err := v.time(time.Time{})
	return err
}

// header reads --header.
func (v *eventsVerify) header() (http.Header, error) {
	header := http.Header{}
	for _, line := range v.headers {
		name, text, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("--header wants 'Name: value', not %q", line)
		}
		header.Add(name, strings.TrimSpace(text))
	}
	return header, nil
}

// time reads --at.
func (v *eventsVerify) time(otherwise time.Time) (time.Time, error) {
	if v.at == "" {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseInt(v.at, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	at, err := time.Parse(time.RFC3339, v.at)
	if err != nil {
		return time.Time{}, fmt.Errorf("--at wants a time of RFC 3339, such as 2026-01-31T12:00:00Z, or Unix seconds, not %q", v.at)
	}
	return at, nil
}

// verdictView is the judgement as it is printed.
type verdictView struct {
	Webhook  string `json:"webhook"`
	Provider string `json:"provider"`
	Accepted bool   `json:"accepted"`
	// Kind and Reason say why it is refused.
	Kind   webhook.RefusalKind `json:"kind,omitempty"`
	Reason string              `json:"reason,omitempty"`
	// Secret is the position of the one that the request is signed with, of Secrets.
	Secret    int       `json:"secret,omitempty"`
	Secrets   int       `json:"secrets"`
	ID        string    `json:"id,omitempty"`
	Type      string    `json:"type,omitempty"`
	Challenge bool      `json:"challenge,omitempty"`
	Filter    string    `json:"filter,omitempty"`
	Flags     []string  `json:"flags,omitempty"`
	At        time.Time `json:"at"`
	Notes     []string  `json:"notes,omitempty"`
}

func (v *eventsVerify) run(ctx context.Context, name string) error {
	plan, err := v.load(v.file, config.Options{LookupEnv: v.lookupEnv, Dev: true})
	if err != nil {
		return err
	}
	w, ok := webhookOf(plan.Config, func(w config.Webhook) bool { return w.Name == name })
	if !ok {
		known := make([]string, len(plan.Config.Webhooks))
		for i, w := range plan.Config.Webhooks {
			known[i] = w.Name
		}
		return fmt.Errorf("%s has no webhook %q (%s)", plan.Config.Path, name, cmp.Or(suggest.Hint(name, known), "it has none at all"))
	}
	judge, err := v.judgedBy(ctx, plan, w)
	if err != nil {
		return err
	}
	request, notes, err := v.request(ctx, plan, w, &judge)
	if err != nil {
		return err
	}
	judgement, err := webhook.Judge(ctx, judge, request)
	if err != nil {
		return err
	}
	view := verdictOf(w, judge, judgement)
	view.Notes = append(view.Notes, notes...)
	if err := v.out.writeValue(v.stdout, view, view.write); err != nil {
		return err
	}
	if !view.Accepted {
		return errors.New("the request is refused")
	}
	return nil
}

// judgedBy finds the provider of a webhook and its secrets, where `serve` has them, or
// `dev` has made one.
func (v *eventsVerify) judgedBy(ctx context.Context, plan *compile.Plan, w config.Webhook) (webhook.JudgeOptions, error) {
	var installed provider.Integration
	if spec, found := plan.Plugins[w.Provider]; found {
		installed = unstarted{spec}
		if !w.Secrets.Given {
			launcher := newLaunchers()
			if err := errors.Join(plan.AskProvider(ctx, launcher, w.Provider), launcher.Close()); err != nil {
				return webhook.JudgeOptions{}, err
			}
		}
	}
	found, ok := plan.WebhookProvider(w, installed)
	if !ok || found.Verify == nil {
		return webhook.JudgeOptions{}, fmt.Errorf("there is no provider %s that verifies requests", w.Provider)
	}
	secrets := plan.WebhookSecrets(w)
	if len(secrets) == 0 {
		saved, err := readDevState(devDir)
		if err != nil {
			return webhook.JudgeOptions{}, err
		}
		made := saved.MadeSecrets[w.Name]
		if made == "" {
			return webhook.JudgeOptions{}, fmt.Errorf("webhook %s has no secret: %s has no value", w.Name, whereSecretIs(plan, w))
		}
		secrets = []string{made}
	}
	filter, err := compile.WebhookFilter(w)
	if err != nil {
		return webhook.JudgeOptions{}, err
	}
	return webhook.JudgeOptions{Provider: found, Secrets: secrets, Filter: filter, MaxBodyBytes: int(plan.Config.Server.MaxBodyBytes)}, nil
}

// request makes the request of the flags, and sets when it is judged.
func (v *eventsVerify) request(ctx context.Context, plan *compile.Plan, w config.Webhook, judge *webhook.JudgeOptions) (request webhook.Request, notes []string, err error) {
	if v.refused > 0 {
		return v.refusedRequest(ctx, w, judge)
	}
	if request.Header, err = v.header(); err != nil {
		return request, nil, err
	}
	if judge.Now, err = v.time(time.Now()); err != nil {
		return request, nil, err
	}
	request.Method, request.URL = http.MethodPost, plan.Config.Server.PublicURL+w.Path
	if v.method != "" {
		request.Method = strings.ToUpper(v.method)
	}
	if v.url != "" {
		called, err := url.Parse(v.url)
		if err != nil {
			return request, nil, fmt.Errorf("--url: %w", err)
		}
		// The gateway takes nothing but path and query from what was called.
		request.URL = plan.Config.Server.PublicURL + called.RequestURI()
		switch {
		case called.Host == "" || request.URL == v.url:
		case plan.Config.Server.PublicURL == "":
			notes = append(notes, "server.publicUrl is not set: the gateway does not know the address that was called, and judges a sender that signs it without")
			request.URL = v.url
		default:
			notes = append(notes, "the gateway judges a sender that signs the address by "+request.URL+": server.publicUrl is not what was called")
			request.URL = v.url
		}
	}
	switch v.body {
	case "":
	case "-":
		request.Body, err = io.ReadAll(io.LimitReader(os.Stdin, int64(judge.MaxBodyBytes)+1))
	default:
		request.Body, err = os.ReadFile(v.body)
	}
	return request, notes, err
}

// keptRequest is what a gateway shows of a refused request.
type keptRequest struct {
	ReceivedAt   time.Time   `json:"receivedAt"`
	Reason       string      `json:"reason"`
	Method       string      `json:"method"`
	Headers      []string    `json:"headers"`
	Kept         bool        `json:"kept"`
	URL          string      `json:"url"`
	HeaderValues http.Header `json:"headerValues"`
	Body         string      `json:"body"`
	BodyBase64   []byte      `json:"bodyBase64"`
}

// refusedRequest asks the gateway for a request that it has refused.
func (v *eventsVerify) refusedRequest(ctx context.Context, w config.Webhook, judge *webhook.JudgeOptions) (request webhook.Request, notes []string, err error) {
	c, err := v.client()
	if err != nil {
		return request, nil, err
	}
	var kept keptRequest
	if err := c.Get(ctx, fmt.Sprintf("/webhooks/%s/refused/%d", url.PathEscape(w.Name), v.refused), &kept); err != nil {
		return request, nil, err
	}
	if !kept.Kept {
		return request, nil, fmt.Errorf("the gateway refused it (%s), and has not kept its body: set \"keepRefused\": true on the webhook, for the next ones", kept.Reason)
	}
	if judge.Now, err = v.time(kept.ReceivedAt); err != nil {
		return request, nil, err
	}
	body := kept.BodyBase64
	if body == nil {
		body = []byte(kept.Body)
	}
	for _, name := range kept.Headers {
		if _, known := kept.HeaderValues[http.CanonicalHeaderKey(name)]; !known {
			notes = append(notes, "the value of the header "+name+" was not kept, as it may be a secret")
		}
	}
	return webhook.Request{Method: kept.Method, Header: kept.HeaderValues, Body: body, URL: kept.URL}, notes, nil
}

func verdictOf(w config.Webhook, judge webhook.JudgeOptions, j webhook.Judgement) verdictView {
	view := verdictView{
		Webhook: w.Name, Provider: w.Provider, Accepted: j.Refusal == nil, Secret: j.Secret, Secrets: len(judge.Secrets),
		ID: j.ID, Type: j.Type, Challenge: j.Challenge, Flags: j.Flags, At: judge.Now.UTC().Truncate(time.Millisecond),
	}
	switch {
	case j.Refusal != nil:
		view.Kind, view.Reason = j.Refusal.Kind, j.Refusal.Reason
	case j.Challenge:
	case j.FilterError != "":
		view.Filter = "cannot be told: " + j.FilterError
	case j.Filtered:
		view.Filter = "does not let it through"
	case judge.Filter != nil:
		view.Filter = "lets it through"
	}
	if j.Refusal == nil && j.NoID != "" {
		view.Notes = append(view.Notes, "a gateway refuses it all the same: "+j.NoID)
	}
	if j.Secret > 1 {
		view.Notes = append(view.Notes, "it is signed with an old secret: the sender has not changed over yet")
	}
	return view
}

// write writes a verdict for people.
func (v verdictView) write(w io.Writer) error {
	rows := [][2]string{{"accepted", ""}}
	if !v.Accepted {
		rows[0] = [2]string{"refused", v.Reason}
	}
	add := func(what, text string) {
		if text != "" {
			rows = append(rows, [2]string{what, text})
		}
	}
	add("judged at", v.At.Format(time.RFC3339))
	if v.Secret > 0 {
		add("signed with", fmt.Sprintf("secret %d of %d", v.Secret, v.Secrets))
	}
	if v.Challenge {
		add("event", "none: it is a challenge, and replied to")
	}
	add("id", v.ID)
	add("type", v.Type)
	add("filter", v.Filter)
	add("flags", strings.Join(v.Flags, ", "))
	for _, note := range v.Notes {
		add("note", note)
	}
	for _, row := range rows {
		line := row[0]
		if row[1] != "" {
			line += ": " + row[1]
		}
		if _, err := fmt.Fprintln(w, terminal.Printable(line)); err != nil {
			return err
		}
	}
	return nil
}

// VerifyWebhook starts the plugin, without any config, and has it judge a request.
func (u unstarted) VerifyWebhook(ctx context.Context, request sdk.WebhookRequest) (event sdk.WebhookEvent, err error) {
	err = u.start(ctx, func(ctx context.Context, instance plugin.Instance) (err error) {
		event, err = instance.VerifyWebhook(ctx, request)
		return err
	})
	return event, err
}
