package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
	"github.com/backflow/backflow/sdk/suggest"
)

func (p *program) pluginCommand() *cobra.Command {
	return group("plugin", "Plugins: what is installed, whether it is in order, and new ones",
		p.pluginListCommand(),
		p.pluginInfoCommand(),
		p.pluginVerifyCommand(),
		p.pluginTestCommand(),
		p.pluginNewCommand(),
	)
}

// pluginPlaces is where commands look for plugins.
type pluginPlaces struct {
	config string   // a config file
	dirs   []string // plugin directories
}

// flags lets the places be chosen. Without either they are what a config has that
// names none.
func (s *pluginPlaces) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.config, "config", "c", "", "config file, whose plugins are meant")
	configFiles(cmd)
	s.dirFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("config", "dir")
}

func (s *pluginPlaces) dirFlag(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&s.dirs, "dir", nil, `plugin directory (default: "plugins" beside the program)`)
	if err := cmd.MarkFlagDirname("dir"); err != nil {
		panic(err) // the flag is defined right above
	}
}

// plugins returns the plugins at the places. The config may have faults: validate
// shows which, so that they are only mentioned.
func (s *pluginPlaces) plugins(p *program) ([]plugin.Spec, error) {
	if s.config == "" {
		dirs := s.dirs
		if len(dirs) == 0 {
			dirs = installedPlugins()
		}
		return plugin.Discover(dirs)
	}
	plan, err := p.load(s.config, config.Options{LookupEnv: p.lookupEnv, AllowUnsetEnv: true})
	if err != nil {
		return nil, err
	}
	specs := plan.Specs()
	for _, entry := range plan.Config.Plugins {
		if _, found := plan.Plugins[entry.Name]; !found {
			specs = append(specs, plugin.Spec{Name: entry.Name, SHA256: entry.SHA256})
		}
	}
	if len(plan.Faults) > 0 {
		fmt.Fprintf(p.stderr, "%s has faults: %s validate -c %s tells them\n", s.config, p.calledAs, s.config)
	}
	return specs, nil
}

// find returns the plugin that an argument means: a file's path, or the name of a
// plugin at the places. A path that is one of their files is that plugin.
func (s *pluginPlaces) find(p *program, argument string) (plugin.Spec, error) {
	path, err := filepath.Abs(argument)
	if err != nil {
		return plugin.Spec{}, err
	}
	info, err := os.Stat(path)
	isFile := err == nil && info.Mode().IsRegular()
	if !isFile && strings.ContainsRune(argument, filepath.Separator) {
		if err == nil {
			err = fmt.Errorf("%s is no file", argument)
		}
		return plugin.Spec{}, err
	}
	var known []plugin.Spec
	if !isFile || s.config != "" {
		if known, err = s.plugins(p); err != nil {
			return plugin.Spec{}, err
		}
	}
	names := make([]string, len(known))
	for i, spec := range known {
		if isFile && spec.Path == path || !isFile && spec.Name == argument {
			return spec, nil
		}
		names[i] = spec.Name
	}
	if !isFile {
		return plugin.Spec{}, notFound(argument, names)
	}
	// The file's name says what the plugin is called, unless it says nothing.
	name, ok := plugin.NameOf(filepath.Base(path))
	if !ok {
		name = ""
	}
	return plugin.Spec{Name: name, Path: path}, nil
}

func notFound(name string, known []string) error {
	text := fmt.Sprintf("there is no file %s and no plugin of that name", name)
	if hint := suggest.Hint(name, known); hint != "" {
		text += " (" + hint + ")"
	}
	return errors.New(text)
}

// pluginFile is what is known of a plugin's file, and of the plugin if it could
// be asked.
type pluginFile struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Path    string `json:"path"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Pinned  bool   `json:"pinned"`
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`

	manifest *sdk.Manifest
}

// The states of a plugin's file.
const (
	fileReady         = "ok"
	fileMissing       = "missing"
	fileNotExecutable = "not executable"
	fileOther         = "other checksum"
	fileNotPinned     = "not pinned"
	fileFails         = "fails"
)

// inspect looks at a plugin's file and asks the plugin what it is. It is handed
// neither credentials nor environment, and is not started where the gateway would
// not start it.
func inspect(ctx context.Context, launcher plugin.Launcher, spec plugin.Spec) pluginFile {
	f := pluginFile{Name: spec.Name, Kind: kindOf(spec), Path: spec.Path, Pinned: spec.SHA256 != ""}
	fails := func(state string, err error) pluginFile {
		f.State, f.Reason = state, err.Error()
		return f
	}
	info, err := os.Stat(spec.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fails(fileMissing, fmt.Errorf("there is no file %q", spec.Path))
	case err != nil:
		return fails(fileFails, err)
	case !plugin.IsWASM(spec.Path) && info.Mode()&0o111 == 0:
		return fails(fileNotExecutable, fmt.Errorf("chmod +x %s makes it executable", spec.Path))
	}
	if f.SHA256, err = plugin.Checksum(spec.Path); err != nil {
		return fails(fileFails, err)
	}
	if err := spec.VerifyChecksum(f.SHA256); err != nil {
		return fails(fileOther, err)
	}
	if spec.RequirePinned && !f.Pinned {
		return fails(fileNotPinned, errors.New("the config requires that plugins are pinned (requirePinned): verify prints the entry"))
	}
	if f.manifest, err = plugin.Inspect(ctx, launcher, spec); err != nil {
		return fails(fileFails, err)
	}
	f.Name, f.Version, f.State = f.manifest.Name, f.manifest.Version, fileReady
	return f
}

func kindOf(spec plugin.Spec) string {
	if plugin.IsWASM(spec.Path) {
		return "wasm"
	}
	return "process"
}

// protocolOf is the version that gateway and plugin have agreed upon: of the
// process protocol or of the ABI. Another one is refused at the start.
func protocolOf(spec plugin.Spec) int {
	if plugin.IsWASM(spec.Path) {
		return abi.Version
	}
	return sdk.ProtocolVersion
}
