package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/store"
)

const (
	// checkInterval is the pause between two looks at the files of a database.
	checkInterval = 200 * time.Millisecond
	// reopenTimeout bounds one try to open a database anew, with its migrations.
	reopenTimeout = time.Minute
)

// watch takes a database whose files were removed or replaced out of use, and opens
// it anew once that can be done. All of it but stop belongs to one goroutine.
type watch struct {
	plugin   *plugin
	settings store.Settings
	logger   *slog.Logger
	// aside is the store that is out of use and still open, nil for none.
	aside *store.Store

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// startWatch watches until stop. plugin.mu is held.
func startWatch(p *plugin, settings store.Settings, logger *slog.Logger) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{plugin: p, settings: settings, logger: logger, cancel: cancel}
	every := p.checkEvery
	if every == 0 {
		every = checkInterval
	}
	w.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				w.look(ctx)
			}
		}
	})
	return w
}

// stop ends the watch and closes a store that it has set aside. It may be called
// twice.
func (w *watch) stop() {
	w.cancel()
	w.done.Wait()
	if w.aside != nil {
		_ = w.aside.Close() // its files are gone: there is nothing that an error could say
		w.aside = nil
	}
}

// look takes the store out of use if its files are not sound, and puts one into use
// if there is none.
func (w *watch) look(ctx context.Context) {
	p := w.plugin
	p.mu.RLock()
	current := p.store
	p.mu.RUnlock()
	if current != nil {
		err := current.Check()
		if err == nil {
			return
		}
		w.logger.Error("the database cannot be used any more", "error", err)
		w.use(nil, err)
		w.aside = current
	}
	ctx, cancel := context.WithTimeout(ctx, reopenTimeout)
	defer cancel()
	next, err := w.next(ctx)
	if err != nil {
		w.use(nil, err)
		return
	}
	w.logger.Info("the database is in use again")
	w.use(next, nil)
}

// next returns the store to use: the one aside, if its files were put back, or one
// that is opened anew.
func (w *watch) next(ctx context.Context) (*store.Store, error) {
	if aside := w.aside; aside != nil {
		if aside.Check() == nil { // they were put back
			w.aside = nil
			return aside, nil
		}
		left, err := aside.Leave(ctx)
		switch {
		case errors.Is(err, driver.ErrEnd):
			w.plugin.end(err)
			return nil, err
		case !left && err == nil: // they were put back just now
			w.aside = nil
			return aside, nil
		case !left:
			return nil, err
		case err != nil:
			w.logger.Warn("the database that is not used any more could not be closed in order", "error", err)
		}
		w.aside = nil
	}
	return store.Open(ctx, w.settings)
}

// use waits for calls under way.
func (w *watch) use(s *store.Store, away error) {
	w.plugin.mu.Lock()
	w.plugin.store, w.plugin.away = s, away
	w.plugin.mu.Unlock()
}
