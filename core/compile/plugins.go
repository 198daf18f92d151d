package compile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/workflow"
)

// discoverPlugins finds the plugins in the directories and those in the config.
// The config takes precedence.
func (p *Plan) discoverPlugins() {
	found, err := plugin.Discover(p.pluginDirs())
	if err != nil {
		p.fault(config.Fault{Pos: p.Config.At("/pluginDirs"), Message: err.Error()})
	}
	inDirs := make(map[string]plugin.Spec, len(found))
	for _, spec := range found {
		inDirs[spec.Name] = spec
	}
	for i, entry := range p.Config.Plugins {
		spec := specOf(entry)
		if spec.Path == "" {
			spec.Path = inDirs[entry.Name].Path
		}
		if spec.Path == "" {
			p.fault(config.Fault{Pos: entry.Pos, Message: "there is no file of plugin " + entry.Name + ": " + p.searchedDirs()})
			continue
		}
		p.checkTransport(entry, indexPointer("/plugins", i), plugin.IsWASM(spec.Path))
		p.addPlugin(spec)
	}
	for _, spec := range found {
		if _, named := p.Plugins[spec.Name]; named {
			continue
		}
		if slices.Contains(workflow.StepTypes(), spec.Name) {
			p.fault(config.Fault{
				Pos: p.Config.At("/pluginDirs"), Message: fmt.Sprintf("%s: an integration may not be named like a step type", spec.Path),
				Hint: "rename the plugin",
			})
			continue
		}
		if spec.Name == destination.Name {
			p.fault(config.Fault{
				Pos: p.Config.At("/pluginDirs"), Message: fmt.Sprintf("%s: the integration %s is the program's own", spec.Path, destination.Name),
				Hint: "rename the plugin",
			})
			continue
		}
		p.addPlugin(spec)
	}
}

// specOf returns what the config says of a plugin. The path is empty where the
// config names none.
func specOf(entry config.Plugin) plugin.Spec {
	spec := plugin.Spec{
		Name: entry.Name, Path: entry.Path, SHA256: entry.SHA256, Env: make(map[string]string, len(entry.Env)),
		Timeout: entry.Timeout, MaxConcurrency: entry.MaxConcurrency, MemoryLimitMiB: entry.MemoryLimitMiB,
		WASM: plugin.WASM{
			AllowedHosts: entry.AllowedHosts, Deadline: plugin.Deadline(entry.Deadline), Instances: entry.Instances,
		},
	}
	// In one order: a reload compares specs.
	for _, name := range slices.Sorted(maps.Keys(entry.Env)) {
		spec.Env[name] = entry.Env[name].Reveal()
		spec.Secrets = append(spec.Secrets, spec.Env[name])
	}
	return spec
}

func (p *Plan) addPlugin(spec plugin.Spec) {
	spec.RequirePinned = p.Config.RequirePinned
	p.Plugins[spec.Name] = spec
}

// Specs lists the plugins, sorted by name.
func (p *Plan) Specs() []plugin.Spec {
	specs := make([]plugin.Spec, 0, len(p.Plugins))
	for _, name := range slices.Sorted(maps.Keys(p.Plugins)) {
		specs = append(specs, p.Plugins[name])
	}
	return specs
}

// checkTransport reports keys that do not apply to the plugin's transport.
func (p *Plan) checkTransport(entry config.Plugin, pointer string, isWASM bool) {
	for _, key := range []struct {
		name    string
		given   bool
		forWASM bool
	}{
		{"env", len(entry.Env) > 0, false},
		{"allowedHosts", entry.AllowedHosts != nil, true},
		{"deadline", entry.Deadline != "", true},
		{"instances", entry.Instances != 0, true},
	} {
		if !key.given || key.forWASM == isWASM {
			continue
		}
		message := "plugin " + entry.Name + " is a process: " + key.name + " is for WASM plugins"
		if isWASM {
			message = "plugin " + entry.Name + " runs as WASM, which has no environment"
		}
		p.fault(config.Fault{Pos: p.Config.At(pointer + "/" + key.name), Message: message, Hint: "leave " + key.name + " out"})
	}
}

// pluginDirs is where plugins are looked for: where the config says, else where
// the caller does.
func (p *Plan) pluginDirs() []string {
	if len(p.Config.PluginDirs) > 0 {
		return p.Config.PluginDirs
	}
	return p.options.PluginDirs
}

// searchedDirs describes where plugins were looked for, for messages.
func (p *Plan) searchedDirs() string {
	dirs := p.pluginDirs()
	if len(dirs) == 0 {
		return "the config names no pluginDirs"
	}
	text := "no " + plugin.FilePrefix + "NAME or NAME" + plugin.FileSuffix + " in "
	for i, dir := range dirs {
		if i > 0 {
			text += " or "
		}
		text += filepath.Clean(dir)
	}
	return text
}

// indexPointer is the JSON Pointer of an element of a list.
func indexPointer(list string, i int) string { return fmt.Sprintf("%s/%d", list, i) }
