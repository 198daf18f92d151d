package main

import (
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/cmd/backflow/internal/scaffold"
)

func (p *program) pluginNewCommand() *cobra.Command {
	project := scaffold.Project{Version: publishedVersion()}
	var kind string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make the project of a new plugin",
		Long: `Make the project of a new plugin, with one action to begin with: "make test" passes at
once, "make build" leaves one file, bin/backflow-plugin-NAME or bin/NAME.wasm.

A project builds against what is published of this version of Backflow, or against a
checkout (--sdk). An AssemblyScript project without --sdk has its own copy of the kit.`,
		Example: `  backflow plugin new acme --kind go-process
  backflow plugin new acme --kind assemblyscript --dir plugins/acme`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			project.Name, project.Kind = args[0], scaffold.Kind(kind)
			if project.Dir == "" {
				project.Dir = project.Name
			}
			return project.Check()
		},
		RunE: run(func(*cobra.Command, []string) error {
			if err := project.Write(); err != nil {
				return fmt.Errorf("plugin new: %w", err)
			}
			dir := filepath.Clean(project.Dir)
			_, err := fmt.Fprintf(p.stdout, "%s is in %s. Go on with:\n\n  cd %s\n  make test\n  make build    # leaves %s\n",
				project.Name, dir, dir, project.Artifact())
			return err
		}),
	}
	cmd.Flags().StringVar(&kind, "kind", string(scaffold.GoProcess), strings.Join(scaffold.Kinds(), ", "))
	cmd.Flags().StringVar(&project.Dir, "dir", "", "the project's directory, new or empty (default: NAME)")
	cmd.Flags().StringVar(&project.SDK, "sdk", "", "a checkout of Backflow to build against")
	if err := cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(scaffold.Kinds(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is defined right above
	}
	return cmd
}

// publishedVersion is the version of this program, if the Go SDK can be fetched in
// the same: that of a release, or the one that `go install` has fetched itself.
func publishedVersion() string {
	if scaffold.Published(version) {
		return version
	}
	// A build within a checkout says what its commit would be called, with or
	// without "+dirty"; whether that is published is not known.
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Sum != "" {
		return info.Main.Version
	}
	return ""
}
