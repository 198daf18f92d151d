package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// waitStep is how long one request waits for a run before it is asked again.
const waitStep = 20 * time.Second

func (p *program) workflowCommand() *cobra.Command {
	var input string
	var wait bool
	start := &cobra.Command{
		Use:   "run ID --input JSON|@FILE [--wait]",
		Short: "Start a run of a workflow",
		Long: `Start a run of a workflow. With --wait the run is shown when it has ended: to
people in a terminal, else as the JSON that the gateway answers.`,
		Example: `  backflow workflow run process-order --input '{"email":"customer@example.com","name":"John Doe","amount":2000}' --wait
  backflow workflow run process-order --input @order.json`,
		Args: cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			body, err := readInput(input)
			if err != nil {
				return err
			}
			c, err := p.client()
			if err != nil {
				return err
			}
			// With a key, the same request waits on for the same run, and one
			// whose answer was lost starts no second run.
			headers := map[string]string{"Idempotency-Key": rand.Text()}
			path := "/workflows/" + url.PathEscape(args[0]) + "/runs"
			step := time.Duration(0)
			if wait {
				step = waitStep
				path += "?wait=" + step.String()
			}
			var shown json.RawMessage
			for {
				if err := c.do(cmd.Context(), http.MethodPost, path, headers, body, step, &shown); err != nil {
					return err
				}
				if status := stringField(shown, "status"); !wait || status == "succeeded" || status == "failed" {
					break
				}
			}
			write := writeJSON
			if wait && isTerminal(p.stdout) {
				write = writeRun
			}
			if err := write(p.stdout, shown); err != nil {
				return err
			}
			if stringField(shown, "status") == "failed" {
				return errors.New("the run failed")
			}
			return nil
		}),
	}
	start.Flags().StringVar(&input, "input", "{}", "the input: JSON, or @FILE")
	start.Flags().BoolVar(&wait, "wait", false, "wait until the run has ended; exit 1 if it failed")
	return group("workflow", "Workflows of a gateway (BACKFLOW_URL, BACKFLOW_TOKEN, or that of `backflow dev`)", start)
}

// readInput reads --input: JSON, or the name of a file behind an @.
func readInput(input string) ([]byte, error) {
	body := []byte(input)
	if file, named := strings.CutPrefix(input, "@"); named {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		body = data
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, fmt.Errorf("--input is not JSON: %w", err)
	}
	return body, nil
}
