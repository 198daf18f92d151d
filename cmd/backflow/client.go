package main

import (
	"errors"
	"strings"

	"github.com/backflow/backflow/cmd/backflow/internal/client"
	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

// client finds the gateway: in BACKFLOW_URL and BACKFLOW_TOKEN, else where
// `dev` noted it.
func (p *program) client() (*client.Client, error) {
	saved, err := readDevState(devDir)
	if err != nil {
		return nil, err
	}
	c := &client.Client{Address: saved.Address, Token: saved.Token}
	if address, set := p.lookupEnv("BACKFLOW_URL"); set {
		c.Address, c.Token = address, ""
	}
	if token, set := p.lookupEnv("BACKFLOW_TOKEN"); set {
		c.Token = token
	}
	if c.Address == "" {
		return nil, errors.New("no gateway is known: set BACKFLOW_URL and BACKFLOW_TOKEN, or run this where `backflow dev` runs")
	}
	c.Address = strings.TrimRight(c.Address, "/")
	return c, nil
}

// progress shows what happens in a run.
func (p *program) progress() *client.Progress {
	people := terminal.Is(p.stdout)
	// https://no-color.org: set and not empty.
	plain, _ := p.lookupEnv("NO_COLOR")
	term, _ := p.lookupEnv("TERM")
	return &client.Progress{W: p.stdout, Interactive: people, Color: people && plain == "" && term != "dumb"}
}
