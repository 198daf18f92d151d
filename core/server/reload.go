package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
)

// Reload reads the config again and puts it in force for requests and runs that
// begin from then on. If anything is wrong with it, the one before stays in force.
func (s *Server) Reload(ctx context.Context) error {
	_, err := s.reload(ctx)
	return err
}

// reload is Reload. It returns the plan that was read, also where that was refused;
// nil where nothing could be read.
func (s *Server) reload(ctx context.Context) (read *compile.Plan, err error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	next, err := s.current.Load().Reload()
	if err != nil {
		return nil, err
	}
	return next, s.exchange(ctx, next)
}

// exchange puts a plan in force in the place of the current one.
func (s *Server) exchange(ctx context.Context, next *compile.Plan) error {
	current := s.current.Load()
	if err := next.Err(); err != nil {
		return err
	}
	if what := current.FixedChange(next); what != "" {
		return fmt.Errorf("%s changed: that needs a restart", what)
	}
	if err := next.ChooseSandboxes(ctx, s.options.Launcher); err != nil {
		return err
	}
	change, err := s.host.Prepare(ctx, s.members(next), func(change *plugin.Change) error {
		return next.Check(preview(next, change))
	})
	if err != nil {
		return err
	}
	if err := s.applyChange(ctx, next, change); err != nil {
		change.Discard()
		return err
	}
	change.Commit()
	return nil
}

// applyChange activates a plan just before its plugins are.
func (s *Server) applyChange(ctx context.Context, next *compile.Plan, change *plugin.Change) error {
	registry, err := s.newRegistry(next, change.Plugins())
	if err != nil {
		return err
	}
	return s.apply(ctx, next, registry)
}

// reloadOnChange reloads the config whenever a file of it changes, and on SIGHUP,
// until ctx ends.
func (s *Server) reloadOnChange(ctx context.Context) {
	w, err := newWatcher(s.current.Load())
	if err != nil {
		s.log.Warn("the config is not watched; SIGHUP reloads it", "error", err)
		w = &watcher{} // sees no change
	}
	defer w.close(s.log)
	for w.wait(ctx, s.options.Sighup, s.log) {
		read, err := s.reload(ctx)
		if err != nil {
			logRefusal(s.log, err)
			if read != nil {
				w.watchRefused(read, s.log)
			}
			continue
		}
		current := s.current.Load()
		logFaults(s.log, slog.LevelWarn, "warning about the config", current.Warnings)
		s.log.Info("config reloaded", "file", current.Config.Path)
		w.watch(current, s.log)
	}
}

// logRefusal logs why a config was not put in force: each fault in a record of its
// own, as a record is one line.
func logRefusal(log *slog.Logger, err error) {
	const refused = "the config was not reloaded; the one before stays in force"
	var faults config.Faults
	if !errors.As(err, &faults) {
		log.Error(refused, "error", err)
		return
	}
	log.Error(refused, "faults", len(faults))
	logFaults(log, slog.LevelError, "fault in the config", faults)
}

// logFaults logs each fault in a record of its own.
func logFaults(log *slog.Logger, level slog.Level, message string, faults config.Faults) {
	for _, fault := range faults {
		attrs := []any{"fault", fault.Message}
		if fault.Pos.File != "" {
			attrs = append(attrs, "at", fault.Pos.String())
		}
		if fault.Hint != "" {
			attrs = append(attrs, "hint", fault.Hint)
		}
		log.Log(context.Background(), level, message, attrs...)
	}
}
