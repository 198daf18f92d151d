package compile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// Endpoint is what the vendor of a webhook is to have registered for it.
type Endpoint struct {
	Webhook config.Webhook
	// Request says so, without Apply.
	Request sdk.SyncEndpointRequest
}

// Endpoints returns the endpoints of the webhooks of these names, or of all whose
// provider can register one if there are no names, in the order of the config. Plugins
// are asked for their manifests and get no credential. The error is config.Faults, or
// says which name is wrong.
func (p *Plan) Endpoints(ctx context.Context, launcher plugin.Launcher, names ...string) ([]Endpoint, error) {
	catalog := p.publish(ctx, launcher)
	p.check(catalog)
	if err := p.Err(); err != nil {
		return nil, err
	}
	known := make([]string, len(p.Config.Webhooks))
	for i, w := range p.Config.Webhooks {
		known[i] = w.Name
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s has no webhook %q%s", p.Config.Path, name, hinted(suggest.Hint(name, known)))
		}
	}
	var endpoints []Endpoint
	for _, w := range p.Config.Webhooks {
		named := slices.Contains(names, w.Name)
		if len(names) > 0 && !named {
			continue
		}
		provider, ok := p.WebhookProvider(w, published{catalog.Manifest(w.Provider)})
		if !ok || !provider.SyncsEndpoints {
			if named {
				return nil, fmt.Errorf("%s: webhook %q: the provider %q registers no endpoints: register %s there by hand", w.Pos, w.Name, w.Provider, p.publicPath(w))
			}
			continue
		}
		endpoints = append(endpoints, Endpoint{Webhook: w, Request: sdk.SyncEndpointRequest{Webhook: w.Name, URL: p.publicPath(w), Types: w.Filter.Types}})
	}
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("%s has no webhook whose provider registers endpoints, as stripe does", p.Config.Path)
	}
	if problem, hint := checkReachable(p.Config.Server.PublicURL); problem != "" {
		return nil, config.Faults{{Pos: p.Config.At("/server/publicUrl"), Message: "server.publicUrl: " + problem, Hint: hint}}
	}
	return endpoints, nil
}

func hinted(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + hint + ")"
}

// publicPath is the address of a webhook, as its sender knows it.
func (p *Plan) publicPath(w config.Webhook) string { return p.Config.Server.PublicURL + w.Path }

// localNames end the names that are known in one network alone (RFC 6761, RFC 6762,
// RFC 8375).
var localNames = []string{"localhost", "local", "internal", "intranet", "lan", "home.arpa"}

// checkReachable says why a vendor cannot send to an address.
func checkReachable(publicURL string) (problem, hint string) {
	const example = `as in "https://api.example.com"`
	if publicURL == "" {
		return "it is not set, and a vendor has to know where to send to", example
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Scheme != "https" {
		return "vendors send to https addresses, and this is not one", example
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	const outside = "name the address that the outside knows the gateway by"
	if slices.ContainsFunc(localNames, func(name string) bool { return host == name || strings.HasSuffix(host, "."+name) }) {
		return "no vendor reaches this machine by the name " + host, outside
	}
	switch err := (egress.Policy{}).CheckURL(u); {
	case errors.Is(err, egress.ErrNotAllowed):
		return "no vendor reaches " + host, outside
	case err != nil:
		return err.Error(), outside
	}
	return "", ""
}

// OpenEndpoints starts the plugin that is the provider of a webhook, with its
// credentials, to register endpoints. The secret of its webhooks may be unset: it may
// be what the vendor is to return. DataDir is where plugins keep files.
func (p *Plan) OpenEndpoints(ctx context.Context, launcher plugin.Launcher, provider, dataDir string, logger *slog.Logger) (*plugin.Endpoints, error) {
	secret := "/" + p.SecretField(provider)
	faults := slices.DeleteFunc(p.unsetFaults(provider), func(f config.Fault) bool {
		return p.Config.Credentials[provider].At(secret) == f.Pos
	})
	if len(faults) > 0 {
		return nil, faults
	}
	member := plugin.Member{Spec: p.Plugins[provider], Config: sdk.Config{BaseDir: p.Config.BaseDir, DataDir: dataDir}}
	if c, given := p.Config.Credentials[provider]; given {
		member.Config.Credentials = c.Reveal()
	}
	return plugin.OpenEndpoints(ctx, launcher, member, logger)
}
