package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
	"github.com/backflow/backflow/core/visible"
)

// The variables that name a gateway, and its token.
const (
	urlEnv   = "BACKFLOW_URL"
	tokenEnv = "BACKFLOW_TOKEN" // #nosec G101 -- the variable's name
)

// client finds the gateway, and the token for it: both in the environment, or both
// where `dev` noted them. One of each would send the token of a production gateway
// to whatever address a folder names, or the other way round, and is refused.
func (p *program) client() (*client.Client, error) {
	address, hasAddress := p.lookupEnv(urlEnv)
	token, hasToken := p.lookupEnv(tokenEnv)
	saved, err := readDevState(devDir)
	inDir := devStatePath(devDir)
	switch {
	case hasAddress && hasToken:
		if address, err = gatewayURL(address, urlEnv); err != nil {
			return nil, err
		}
		if err := checkToken(token); err != nil {
			return nil, err
		}
		return &client.Client{Address: address, Token: token, AddressFrom: urlEnv, TokenFrom: tokenEnv}, nil
	case err != nil:
		return nil, err
	case hasAddress && saved.Token != "":
		return nil, fmt.Errorf("%s is set and %s is not: the token in %s is for the gateway there alone, and is not sent to the address in %s.\n"+
			"Set %s too, or unset %s to use the gateway of `backflow dev`", urlEnv, tokenEnv, inDir, urlEnv, tokenEnv, urlEnv)
	case hasAddress:
		return nil, fmt.Errorf("%s is set and %s is not: set it to a token of that gateway (backflow token new makes one)", urlEnv, tokenEnv)
	case hasToken && saved.Address != "":
		return nil, fmt.Errorf("%s is set and %s is not: the token is not sent to %s, the address in %s.\n"+
			"Set %s too, or unset %s to use the token in %s", tokenEnv, urlEnv, saved.Address, inDir, urlEnv, tokenEnv, inDir)
	case hasToken:
		return nil, fmt.Errorf("%s is set and %s is not: set it to the address of the token's gateway, such as http://127.0.0.1:3000", tokenEnv, urlEnv)
	case saved.Address == "":
		return nil, fmt.Errorf("no gateway is known: set %s and %s, or run this where `backflow dev` runs", urlEnv, tokenEnv)
	}
	if saved.Address, err = gatewayURL(saved.Address, inDir); err != nil {
		return nil, err
	}
	return &client.Client{Address: saved.Address, Token: saved.Token, AddressFrom: inDir, TokenFrom: inDir}, nil
}

// gatewayURL checks the address of a gateway, and returns it without a slash at its
// end. Faults say where it was found.
func gatewayURL(text, from string) (string, error) {
	refuse := func(what, hint string) (string, error) {
		// What may hold a password is not repeated.
		if !strings.Contains(text, "@") {
			what = fmt.Sprintf("is %q, which ", visible.Line(text)) + what
		}
		if hint != "" {
			what += " (did you mean " + hint + "?)"
		}
		return "", fmt.Errorf("the address in %s %s", from, what)
	}
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "", fmt.Errorf("%s is empty: it is the address of a gateway, such as http://127.0.0.1:3000", from)
	case strings.TrimSpace(text) != text:
		return "", fmt.Errorf("%s has white space around it", from)
	case !strings.Contains(text, "://"):
		return refuse("has no scheme: it begins with http:// or https://", schemeFor(text))
	case err != nil:
		return refuse("is no URL", "")
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("has another scheme than http:// and https://", "")
	case u.Hostname() == "":
		return refuse("names no host", "")
	case u.User != nil:
		return refuse("holds a user or a password: a gateway takes a token, from "+tokenEnv, "")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return refuse("has a query or a fragment", "")
	}
	return strings.TrimRight(text, "/"), nil
}

// schemeFor proposes a URL for an address without a scheme, "" where it looks like
// none.
func schemeFor(text string) string {
	scheme := "https://"
	if u, err := url.Parse("http://" + text); err != nil || u.Hostname() == "" || u.User != nil {
		return ""
	} else if host := u.Hostname(); host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1" {
		scheme = "http://"
	}
	return scheme + text
}

// checkToken refuses what cannot be a token, before an HTTP client does in its own
// words. It does not repeat the token.
func checkToken(token string) error {
	switch {
	case token == "":
		return fmt.Errorf("%s is empty: set it to a token of the gateway (backflow token new makes one), or unset it and %s", tokenEnv, urlEnv)
	case strings.TrimSpace(token) != token:
		return fmt.Errorf("%s has white space around it, perhaps the line break of a file: tokens have none", tokenEnv)
	case strings.HasPrefix(strings.ToLower(token), "bearer "):
		return fmt.Errorf("%s begins with %q: it is the token alone", tokenEnv, token[:len("bearer ")-1])
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New(tokenEnv + " holds a character that no token has")
	}
	return nil
}

// progress shows what happens in a run: to people in a terminal, else to programs,
// if the flag does not say how.
func (p *program) progress(out *output) *client.Progress {
	people := terminal.Is(p.stdout)
	// https://no-color.org: set and not empty.
	plain, _ := p.lookupEnv("NO_COLOR")
	term, _ := p.lookupEnv("TERM")
	return &client.Progress{
		W: p.stdout, Messages: p.stderr, YAML: out.form == formYAML,
		Interactive: out.form == formTable || out.form == formAuto && people,
		Color:       people && plain == "" && term != "dumb",
	}
}
