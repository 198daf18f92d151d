package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/backflow/backflow/sdk/suggest"
)

// flagError says what is wrong with a flag in words of the command line: pflag names
// the functions of Go that could not read a value.
func flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() {
		// A flag of a command that is misspelt is unknown to the one above it.
		if misspelt := noCommand(cmd, cmd.Flags().Args()); misspelt != nil {
			return misspelt
		}
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		flag := invalid.GetFlag()
		if takes := flagTakes(flag.Value.Type()); takes != "" {
			return fmt.Errorf("--%s takes %s, not %q", flag.Name, takes, invalid.GetValue())
		}
		return err
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden {
				names = append(names, flag.Name)
			}
		})
		if near := suggest.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			return fmt.Errorf("%w (did you mean --%s?)", err, near)
		}
	}
	return err
}

// flagTakes says what a flag takes, by pflag's name of its type; "" for a type whose own
// errors say it.
func flagTakes(kind string) string {
	switch kind {
	case "int":
		return "a whole number"
	case "bool":
		return "true or false"
	case "duration":
		return "a duration such as 90s or 5m"
	default:
		return ""
	}
}
