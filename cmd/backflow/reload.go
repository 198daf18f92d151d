package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
)

// settleTime is how long files must have been left alone before they are read:
// an editor writes in several steps.
const settleTime = 200 * time.Millisecond

// reload reads the config again and puts it in force for requests and runs
// that begin from then on. Whatever is wrong with it, the one before stays in
// force.
func (a *app) reload(ctx context.Context) error {
	before := a.inForce.Load()
	next, err := load(before.config.Path, a.settings.options)
	if err != nil {
		return err
	}
	if err := next.err(); err != nil {
		return err
	}
	if what := before.fixedChange(next); what != "" {
		return fmt.Errorf("%s changed: that needs a restart", what)
	}
	sandbox := a.settings.sandbox
	if a.settings.sandboxes != nil {
		if sandbox, err = a.settings.sandboxes(ctx, next); err != nil {
			return err
		}
	}
	change, err := a.host.Prepare(ctx, a.members(next, sandbox))
	if err != nil {
		return err
	}
	if err := a.take(ctx, next, change); err != nil {
		change.Discard()
		return err
	}
	change.Commit()
	return nil
}

// take puts a config in force whose plugins are about to be.
func (a *app) take(ctx context.Context, next *loaded, change *plugin.Change) error {
	registry, err := preview(change, next.declared)
	if err != nil {
		return err
	}
	if next.check(registry); next.err() != nil {
		return next.err()
	}
	return a.apply(ctx, next, change.Plugins())
}

// fixedChange names the first thing that another config has otherwise and that
// a running gateway cannot change; "" where there is none.
func (l *loaded) fixedChange(next *loaded) string {
	before, after := l.config, next.config
	switch {
	case before.Server.Listen != after.Server.Listen:
		return "server.listen"
	case !before.State.URL.Equal(after.State.URL) || before.State.Path != after.State.Path ||
		before.State.AllowVolatile != after.State.AllowVolatile || before.State.Durability != after.State.Durability ||
		before.State.Retention != after.State.Retention || before.State.MinReplicas != after.State.MinReplicas:
		return "state"
	}
	return ""
}

// hangups tells of each SIGHUP until stop is called. It is made before anything
// is read: a signal ends a program that does not wait for it, also one that has
// hardly begun.
func hangups() (heard <-chan os.Signal, stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup, func() { signal.Stop(hup) }
}

// reloads reloads the config whenever a file of it changes, and on SIGHUP,
// until ctx ends.
func (a *app) reloads(ctx context.Context) {
	w, err := newWatcher(a.inForce.Load())
	if err != nil {
		a.log.Warn("the config is not watched; SIGHUP reloads it", "error", err)
		w = &watcher{} // never tells of a change
	}
	defer w.close(a.log)
	for w.wait(ctx, a.settings.hangups, a.log) {
		switch err := a.reload(ctx); {
		case err == nil:
			now := a.inForce.Load()
			a.log.Info("config reloaded", "file", now.config.Path)
			w.watch(now, a.log)
		default:
			logRefusal(a.log, err)
		}
	}
}

// logRefusal tells why a config was not put in force: each fault in a record of
// its own, as a record is one line.
func logRefusal(log *slog.Logger, err error) {
	const refused = "the config was not reloaded; the one before stays in force"
	var faults config.Faults
	if !errors.As(err, &faults) {
		log.Error(refused, "error", err)
		return
	}
	log.Error(refused, "faults", len(faults))
	for _, fault := range faults {
		attrs := []any{"fault", fault.Message}
		if fault.Pos.File != "" {
			attrs = append(attrs, "at", fault.Pos.String())
		}
		if fault.Hint != "" {
			attrs = append(attrs, "hint", fault.Hint)
		}
		log.Error("fault in the config", attrs...)
	}
}

// watcher tells when files change. It watches their directories: editors
// replace files, and mounted config maps swap a link, of which one who watches
// the file itself hears nothing.
type watcher struct {
	notify  *fsnotify.Watcher // nil: nothing is watched
	sources sources
	sum     [sha256.Size]byte // of the sources when they were read last
}

func newWatcher(l *loaded) (*watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{notify: notify}
	if err := w.add(l); err != nil {
		return nil, errors.Join(err, notify.Close())
	}
	return w, nil
}

// add watches the directories of a config's sources. What differs from how the
// config was read, be it since before this call, is a change.
func (w *watcher) add(l *loaded) error {
	for _, dir := range l.sources.directories() {
		if err := w.notify.Add(dir); err != nil {
			return err
		}
	}
	w.sources, w.sum = l.sources, l.sum
	return nil
}

// watch is add after a reload, which may have read other files.
func (w *watcher) watch(l *loaded, log *slog.Logger) {
	if w.notify == nil {
		return
	}
	if err := w.add(l); err != nil {
		log.Warn("not every file of the config is watched; SIGHUP reloads it", "error", err)
	}
}

// channels are those of the watch, which never tell anything where there is
// none. Both must be read: who does not take an error hears of nothing more.
func (w *watcher) channels() (<-chan fsnotify.Event, <-chan error) {
	if w.notify == nil {
		return nil, nil
	}
	return w.notify.Events, w.notify.Errors
}

// wait returns true when the config is to be read again: its files have
// changed and been left alone for a while, or somebody asks for it. It returns
// false when ctx ends.
//
// Only what the sum is made of counts. The directory of a file may never be quiet:
// a log or a database may lie in it.
func (w *watcher) wait(ctx context.Context, hup <-chan os.Signal, log *slog.Logger) bool {
	events, failures := w.channels()
	seen := w.sources.sum()
	var settled <-chan time.Time // nil: nothing is to be looked at
	if seen != w.sum && w.notify != nil {
		settled = time.After(settleTime)
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-hup:
			w.sum = w.sources.sum()
			return true
		case <-events:
		case err := <-failures: // events were lost, so any file may have changed
			log.Warn("the watch of the config failed", "error", err)
		case <-settled:
			now := w.sources.sum()
			if now == seen && now == w.sum {
				settled = nil
				continue
			}
			if now == seen {
				w.sum = now
				return true
			}
			seen, settled = now, time.After(settleTime)
			continue
		}
		if settled == nil {
			settled = time.After(settleTime)
		}
	}
}

func (w *watcher) close(log *slog.Logger) {
	if w.notify == nil {
		return
	}
	if err := w.notify.Close(); err != nil {
		log.Warn("the watch of the config did not end well", "error", err)
	}
}
