package config

import "github.com/backflow/backflow/core/workflow"

// rateSchema declares a number of times within a time.
func rateSchema() schema[workflow.Rate] {
	s := text("rate", func(s string) (problem, hint string) {
		if _, err := workflow.ParseRate(s); err != nil {
			return err.Error(), `such as "50/s", "10/m" or "100/h"`
		}
		return "", ""
	})
	return schema[workflow.Rate]{
		description: s.description,
		decode: func(v value, into *workflow.Rate) {
			var written string
			if s.decode(v, &written); written != "" {
				*into, _ = workflow.ParseRate(written) // the check has read it
			}
		},
	}
}
