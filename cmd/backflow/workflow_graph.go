package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/core/workflow/mermaid"
	"github.com/backflow/backflow/sdk/suggest"
)

func (p *program) workflowGraphCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "graph ID [-c FILE]",
		Short: "Draw a workflow as Mermaid text",
		Long: `Draw a workflow as a Mermaid flowchart, a text that GitHub, editors and
https://mermaid.live show as a picture. With -c the workflow is that of a config
file, and no gateway is asked.`,
		Example: "  backflow workflow graph process-order -c configs/stripe.json > process-order.mmd",
		Args:    cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			var d *workflow.Definition
			var err error
			if file != "" {
				d, err = p.definitionIn(file, args[0])
			} else {
				d, err = p.definitionOf(cmd, args[0])
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(p.stdout, mermaid.Flowchart(d))
			return err
		}),
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the config file")
	configFiles(cmd)
	complete(cmd, p.workflowsIn(&file))
	return cmd
}

// definitionOf asks the gateway for a definition.
func (p *program) definitionOf(cmd *cobra.Command, id string) (*workflow.Definition, error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	var shown struct {
		Definition json.RawMessage `json:"definition"`
	}
	if err := c.Get(cmd.Context(), "/workflows/"+url.PathEscape(id), &shown); err != nil {
		return nil, err
	}
	d, err := workflow.Parse(shown.Definition, workflow.InputRoots)
	if err != nil {
		return nil, fmt.Errorf("the gateway's definition of %s: %w", id, err)
	}
	return d, nil
}

// definitionIn finds a definition in a config. Of the rest of the config only
// what keeps it from being read matters.
func (p *program) definitionIn(file, id string) (*workflow.Definition, error) {
	cfg, err := config.Load(file, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
	if cfg == nil || err != nil && !errors.As(err, new(config.Faults)) {
		return nil, err
	}
	known := make([]string, len(cfg.Workflows))
	for i, w := range cfg.Workflows {
		if known[i] = w.ID; w.ID != id {
			continue
		}
		return compile.ParseWorkflow(w)
	}
	text := fmt.Sprintf("%s has no workflow %q", file, id)
	if hint := suggest.Hint(id, known); hint != "" {
		text += " (" + hint + ")"
	}
	return nil, errors.Join(errors.New(text), err)
}
