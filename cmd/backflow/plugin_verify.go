package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/terminal"
)

func (p *program) pluginVerifyCommand() *cobra.Command {
	var places pluginPlaces
	var sum string
	var out output
	cmd := &cobra.Command{
		Use:   "verify PATH|NAME",
		Short: "Check a plugin's checksum, protocol and manifest, and print the entry that pins it",
		Long: `Check a plugin's file against a checksum (--sha256, or the one that the config
pins), start it, and check the version of its protocol and its manifest. Prints the
entry for the config that pins the file. Exit code 1 if anything is wrong.`,
		Example: `  backflow plugin verify bin/acme.wasm
  backflow plugin verify acme -c shop.json --sha256 9f86d081…`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			sum = strings.TrimPrefix(sum, "sha256:")
			if raw, err := hex.DecodeString(sum); sum != "" && (err != nil || len(raw) != 32) {
				return errors.New("--sha256 is 64 hexadecimal digits")
			}
			return nil
		},
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return p.verifyPlugin(cmd.Context(), &places, args[0], sum, &out)
		}),
	}
	places.flags(cmd)
	places.complete(cmd, p)
	cmd.Flags().StringVar(&sum, "sha256", "", "the checksum that the file must have")
	out.flag(cmd, formTable)
	return cmd
}

// verification is the result of verify.
type verification struct {
	pluginFile
	Protocol int  `json:"protocol,omitempty"`
	Actions  int  `json:"actions"`
	Valid    bool `json:"valid"`
	// Entry is the plugin's entry under "plugins" in the config.
	Entry *pluginEntry `json:"entry,omitempty"`
}

// pluginEntry pins a plugin.
type pluginEntry struct {
	Name   string `json:"name"`
	Path   string `json:"path,omitempty"`
	SHA256 string `json:"sha256"`
}

func (p *program) verifyPlugin(ctx context.Context, places *pluginPlaces, argument, sum string, out *output) error {
	spec, err := places.find(p, argument)
	if err != nil {
		return err
	}
	spec.RequirePinned = false // to pin it is what verify is for
	if sum != "" {
		spec.SHA256 = sum
	}
	launcher := newLaunchers()
	v := verification{pluginFile: inspect(ctx, launcher, spec)}
	if err := launcher.Close(); err != nil {
		return err
	}
	if sum != "" && v.State == fileOther {
		v.Reason = fmt.Sprintf("%s has another checksum: expected sha256 %s, actual %s", spec.Path, strings.ToLower(sum), v.SHA256)
	}
	if v.manifest != nil {
		v.Valid, v.Protocol, v.Actions = true, protocolOf(spec), len(v.manifest.Actions)
		v.Entry = &pluginEntry{Name: v.Name, SHA256: v.SHA256}
		// What was asked for by its name is found by it.
		if argument != v.Name {
			v.Entry.Path = v.Path
		}
	}
	if err := out.writeValue(p.stdout, v, v.write); err != nil {
		return err
	}
	if !v.Valid {
		return errors.New(v.Reason)
	}
	return nil
}

// write writes the verification for people.
func (v verification) write(w io.Writer) error {
	table := terminal.NewTable(w)
	fmt.Fprintf(table, "path\t%s\nkind\t%s\n", terminal.Printable(v.Path), v.Kind)
	if v.SHA256 != "" {
		fmt.Fprintf(table, "sha256\t%s\n", v.SHA256)
	}
	if !v.Valid {
		fmt.Fprintf(table, "state\t%s\n", v.State)
		return table.Flush()
	}
	fmt.Fprintf(table, "protocol\t%d\nmanifest\tvalid: %s %s, %s\n", v.Protocol, terminal.Printable(v.Name), terminal.Printable(v.Version), count(v.Actions, "action"))
	if err := table.Flush(); err != nil {
		return err
	}
	entry, err := json.Marshal(v.Entry)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\nThis entry pins it, under \"plugins\" in the config:\n\n  %s\n", entry)
	return err
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
