package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/backflow/backflow/core/compile"
)

// settleTime is how long files must have been left alone before they are read:
// an editor writes in several steps.
const settleTime = 200 * time.Millisecond

// watcher sees when files change. It watches their directories: editors replace
// files, and mounted config maps swap a link, which a watch of the file itself
// does not see.
type watcher struct {
	notify  *fsnotify.Watcher // nil: nothing is watched
	sources compile.Sources
	sum     [sha256.Size]byte // of the sources when they were read last
}

func newWatcher(plan *compile.Plan) (*watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{notify: notify}
	if err := w.add(plan); err != nil {
		return nil, errors.Join(err, notify.Close())
	}
	return w, nil
}

// add watches the directories of a plan's sources. What differs from how the
// config was read is a change, also where it came before this call.
func (w *watcher) add(plan *compile.Plan) error {
	w.sources, w.sum = plan.Sources, plan.Sum
	return w.addDirectories()
}

// addDirectories watches the directories of the sources, also those that have come
// since, or are others of the same name.
func (w *watcher) addDirectories() error {
	var failures []error
	for _, dir := range w.sources.Directories() {
		failures = append(failures, w.notify.Add(dir))
	}
	return errors.Join(failures...)
}

// watch is add after a reload, which may have read other files.
func (w *watcher) watch(plan *compile.Plan, log *slog.Logger) {
	if w.notify == nil {
		return
	}
	if err := w.add(plan); err != nil {
		log.Warn("not every file of the config is watched; SIGHUP reloads it", "error", err)
	}
}

// watchRefused is watch for a plan that was not put in force: it may name files
// that are still mended, and one of them may have been since it was read.
func (w *watcher) watchRefused(plan *compile.Plan, log *slog.Logger) {
	sources := w.sources.Refused(plan.Sources)
	sum := sources.Sum()
	if plan.Sources.Sum() != plan.Sum {
		sum = [sha256.Size]byte{} // that of no sources
	}
	w.watch(&compile.Plan{Sources: sources, Sum: sum}, log)
}

// channels returns the channels of the watch, nil if none exists. Both must be
// read: fsnotify sends no more events while an error waits.
func (w *watcher) channels() (<-chan fsnotify.Event, <-chan error) {
	if w.notify == nil {
		return nil, nil
	}
	return w.notify.Events, w.notify.Errors
}

// wait returns true when the config should be read again: its files have changed
// and then stayed the same for settleTime, or a signal came. It returns false
// when ctx ends.
//
// Only a change of the sum counts. The directory of a file may never be quiet: it
// may hold a log or a database.
func (w *watcher) wait(ctx context.Context, sighup <-chan os.Signal, log *slog.Logger) bool {
	events, failures := w.channels()
	seen := w.sources.Sum()
	var settled <-chan time.Time // nil: nothing is to be checked
	if seen != w.sum && w.notify != nil {
		settled = time.After(settleTime)
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-sighup:
			w.sum = w.sources.Sum()
			return true
		case <-events:
		case err := <-failures: // events were lost, so any file may have changed
			log.Warn("the watch of the config failed", "error", err)
		case <-settled:
			if w.notify != nil {
				// What cannot be watched was told when the config was read.
				_ = w.addDirectories()
			}
			now := w.sources.Sum()
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
