package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/suggest"
)

// loaded is a config with what was parsed from it and the plugins that it
// finds. Nothing of it runs yet.
type loaded struct {
	config      *config.Config
	sources     sources
	sum         [sha256.Size]byte // of the sources as they were read
	definitions []definition
	schedules   []schedule.Schedule
	specs       []plugin.Spec
	declared    []*custom.Integration // those of the config that have no fault
	// references are the first places that name an integration, by its name.
	references map[string]config.Fault
	// secretFields are the fields of credentials that hold a webhook secret, by
	// the integration's name, as far as check has asked.
	secretFields map[string]string
	faults       config.Faults
}

// definition is a workflow or a webhook's actions, with its place.
type definition struct {
	*workflow.Definition
	source config.Definition
}

// load reads a config, its workflows and its plugin directories. It answers
// everything that is wrong with them as faults of what it answers, which is nil
// only where the file itself cannot be read.
func load(path string, options config.Options) (*loaded, error) {
	cfg, err := config.Load(path, options)
	l := &loaded{config: cfg, references: map[string]config.Fault{}, secretFields: map[string]string{}}
	if err != nil && (!errors.As(err, &l.faults) || cfg == nil) {
		return nil, err
	}
	l.parse()
	l.schedule()
	l.discover()
	l.sources = l.findSources()
	l.sum = l.sources.sum()
	l.declare()
	l.refer()
	return l, nil
}

// err answers the faults in the order of the file, nil if there is none.
func (l *loaded) err() error {
	if len(l.faults) == 0 {
		return nil
	}
	l.faults.Sort()
	return l.faults
}

func (l *loaded) parse() {
	for _, w := range l.config.Workflows {
		d, err := workflow.Parse(w.Raw, workflow.InputRoots)
		l.parsed(w, d, err)
	}
	for i, w := range l.config.Webhooks {
		if err := gateway.CheckWebhookPath(w.Path); err != nil && w.Path != "" { // an empty one is a fault already
			at := indexPointer("/webhooks", i) + "/path"
			l.faults = append(l.faults, config.Fault{Pos: l.config.At(at), Message: fmt.Sprintf("webhooks[%d].%v", i, err)})
		}
		d, err := workflow.ParseActions(webhook.WorkflowID(w.Name), w.Actions.Raw, workflow.EventRoots)
		l.parsed(w.Actions, d, err)
	}
}

// parsed takes a definition over, also one with faults: nothing starts with
// any, but what it names is to be checked with the rest.
func (l *loaded) parsed(source config.Definition, d *workflow.Definition, err error) {
	if d != nil {
		l.definitions = append(l.definitions, definition{d, source})
	}
	var faults template.Faults
	switch {
	case err == nil:
	case errors.As(err, &faults):
		for _, f := range faults {
			l.faults = append(l.faults, source.Fault(f.Pointer, f.Message, f.Hint))
		}
	default:
		l.faults = append(l.faults, source.Fault("", err.Error(), ""))
	}
}

// discover finds the plugins: those in the directories, and those that the
// config names, which stand over them.
func (l *loaded) discover() {
	found, err := plugin.Discover(l.pluginDirs())
	if err != nil {
		l.faults = append(l.faults, config.Fault{Pos: l.config.At("/pluginDirs"), Message: err.Error()})
	}
	named := make(map[string]bool, len(l.config.Plugins))
	for i, p := range l.config.Plugins {
		spec := plugin.Spec{
			Name: p.Name, Path: p.Path, SHA256: p.SHA256, Env: make(map[string]string, len(p.Env)),
			Timeout: p.Timeout, MaxConcurrency: p.MaxConcurrency, MemoryLimitMiB: p.MemoryLimitMiB,
		}
		for _, name := range slices.Sorted(maps.Keys(p.Env)) {
			spec.Env[name] = p.Env[name].Reveal()
			spec.Secrets = append(spec.Secrets, spec.Env[name])
		}
		if spec.Path == "" {
			for _, other := range found {
				if other.Name == p.Name {
					spec.Path = other.Path
				}
			}
		}
		if spec.Path == "" {
			l.faults = append(l.faults, config.Fault{Pos: p.Pos, Message: "there is no file of plugin " + p.Name + ": " + l.searched()})
			continue
		}
		named[p.Name] = true
		spec.WASM = plugin.WASM{
			AllowedHosts: p.AllowedHosts, Deadline: plugin.Deadline(p.Deadline), Instances: p.Instances,
		}
		l.checkTransport(p, indexPointer("/plugins", i), plugin.IsWASM(spec.Path))
		l.specs = append(l.specs, spec)
	}
	for _, spec := range found {
		switch {
		case named[spec.Name]:
		case slices.Contains(workflow.StepTypes(), spec.Name):
			l.faults = append(l.faults, config.Fault{
				Pos: l.config.At("/pluginDirs"), Message: fmt.Sprintf("%s: an integration may not be named like a step type", spec.Path),
				Hint: "rename the plugin",
			})
		default:
			l.specs = append(l.specs, spec)
		}
	}
	for i := range l.specs {
		l.specs[i].RequirePinned = l.config.RequirePinned
	}
}

// checkTransport finds keys that mean nothing to the way in which a plugin is run.
func (l *loaded) checkTransport(p config.Plugin, pointer string, isWASM bool) {
	for _, key := range []struct {
		name    string
		given   bool
		forWASM bool
	}{
		{"env", len(p.Env) > 0, false},
		{"allowedHosts", p.AllowedHosts != nil, true},
		{"deadline", p.Deadline != "", true},
		{"instances", p.Instances != 0, true},
	} {
		if !key.given || key.forWASM == isWASM {
			continue
		}
		message := "plugin " + p.Name + " is a process: " + key.name + " is for WASM plugins"
		if isWASM {
			message = "plugin " + p.Name + " runs as WASM, which has no environment"
		}
		l.faults = append(l.faults, config.Fault{Pos: l.config.At(pointer + "/" + key.name), Message: message, Hint: "leave " + key.name + " out"})
	}
}

// refer notes where each integration is named, and finds those that are not
// there.
func (l *loaded) refer() {
	note := func(name string, at config.Fault) {
		if _, noted := l.references[name]; !noted && name != "" {
			l.references[name] = at
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.config.Credentials)) {
		note(name, config.Fault{Pos: l.config.Credentials[name].Pos})
	}
	for _, p := range l.config.Plugins {
		note(p.Name, config.Fault{Pos: p.Pos})
	}
	for _, w := range l.config.Webhooks {
		note(w.Provider, config.Fault{Pos: w.Pos})
	}
	for _, d := range l.definitions {
		d.Walk(func(step *workflow.Step) { note(step.Integration, d.source.Fault(step.Pointer, "", "")) })
	}
	known := l.names()
	for _, name := range slices.Sorted(maps.Keys(l.references)) {
		if l.knows(name) || l.namesPlugin(name) || l.declares(name) {
			continue
		}
		at := l.references[name]
		at.Message = fmt.Sprintf("there is no integration %q: %s", name, l.searched())
		if at.Hint = suggest.Hint(name, known); at.Hint == "" && len(l.pluginDirs()) == 0 {
			at.Hint = `give "pluginDirs": ["bin/plugins"]`
		}
		l.faults = append(l.faults, at)
	}
}

// knows reports whether there is a plugin of that name.
func (l *loaded) knows(name string) bool {
	for _, spec := range l.specs {
		if spec.Name == name {
			return true
		}
	}
	return false
}

// namesPlugin reports whether the config has an entry for the plugin, whose
// missing file is a fault already.
func (l *loaded) namesPlugin(name string) bool {
	for _, p := range l.config.Plugins {
		if p.Name == name {
			return true
		}
	}
	return false
}

func (l *loaded) names() []string {
	var names []string
	for _, spec := range l.specs {
		names = append(names, spec.Name)
	}
	for _, c := range l.config.CustomIntegrations {
		names = append(names, c.Name)
	}
	return names
}

// pluginDirs is where plugins are looked for: where the config says, else
// beside the program.
func (l *loaded) pluginDirs() []string {
	if len(l.config.PluginDirs) > 0 {
		return l.config.PluginDirs
	}
	return installedPlugins()
}

// installedPlugins is the directory "plugins" beside the program, if there is
// one: how a release is laid out.
func installedPlugins() []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	dir := filepath.Join(filepath.Dir(program), "plugins")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	return []string{dir}
}

// searched says where plugins were looked for.
func (l *loaded) searched() string {
	dirs := l.pluginDirs()
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
