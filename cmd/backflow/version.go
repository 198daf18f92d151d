package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set when a release is built.
var version = "devel"

func (p *program) versionCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: run(func(*cobra.Command, []string) error {
			return out.writeValue(p.stdout, build(), build().write)
		}),
	}
	out.flag(cmd, formTable)
	return cmd
}

// buildView is what is known of this program.
type buildView struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func build() buildView { return buildView{version, runtime.Version(), runtime.GOOS, runtime.GOARCH} }

func (b buildView) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "backflow %s (%s %s/%s)\n", b.Version, b.Go, b.OS, b.Arch)
	return err
}
