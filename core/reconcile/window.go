package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

const (
	// listPage is how many events a page of the list is asked to have.
	listPage = 100
	// maxWindow is how many events a window holds, and maxWindowBytes how many bytes the
	// payloads of the missing ones among them have; one that holds more is split.
	maxWindow      = 5000
	maxWindowBytes = 16 << 20
	// maxStalePages is how many pages in a row may have nothing new, and maxPages how many
	// pages there may be. More are a list that has no end.
	maxStalePages = 20
	maxPages      = 10_000
	// listTimeout bounds one call of the list.
	listTimeout = time.Minute
	// maxListTries is how often a page is asked for, one time after another.
	maxListTries = 8
	// maxListWait is how long a pass waits at most where the vendor asks it to: for more
	// time the next pass is put off.
	maxListWait = 15 * time.Minute
)

// listWait is how long to wait before a page is asked for again.
var listWait = backoff.Exponential{First: time.Second, Longest: time.Minute}

// window is a part of the time of a pass.
type window struct {
	from, until time.Time
	// open: also what is younger by the vendor's clock belongs to it.
	open bool
	// splits: it is long enough to be split.
	splits bool
}

// holds reports whether an event is of the window.
func (w window) holds(e sdk.ListedEvent) bool {
	return !e.CreatedAt.Before(w.from) && (w.open || e.CreatedAt.Before(w.until))
}

// listed is what the list says of a window.
type listed struct {
	count   int // of its events, each once
	ids     map[string]struct{}
	missing []sdk.ListedEvent
	bytes   int // of the payloads of missing
	// ascends and descends say that the list was seen to name an event after an older, or
	// after a younger one.
	ascends, descends bool
	last              time.Time
}

var (
	// errTooMany is returned for a window that holds too much.
	errTooMany = errors.New("reconcile: too many events")
	// errCircle is matched by the error of a list that comes round to where it was.
	errCircle = errors.New("the list goes round in a circle")
)

// collect reads the list of a window. A window that cannot be split is taken in while it
// is read, as soon as it holds too much.
func (w *worker) collect(ctx context.Context, win window) (*listed, error) {
	found := &listed{ids: map[string]struct{}{}}
	err := w.pages(ctx, win, func(page page) (fresh bool, err error) {
		if page.unreadable != nil {
			w.unreadable(page.unreadable)
			fresh = true
		}
		var unseen []sdk.ListedEvent
		for _, e := range page.events {
			if !win.holds(e) {
				fresh = true // as far as is known
				continue
			}
			if _, seen := found.ids[e.ID]; seen {
				continue
			}
			found.ids[e.ID] = struct{}{}
			unseen = append(unseen, e)
			found.order(e.CreatedAt)
		}
		found.count += len(unseen)
		if err := w.addMissing(ctx, found, unseen); err != nil {
			return false, err
		}
		if len(found.ids) > maxWindow || found.bytes > maxWindowBytes {
			if win.splits {
				return false, errTooMany
			}
			if err := w.take(ctx, found); err != nil {
				return false, err
			}
			found.ids, found.missing, found.bytes = map[string]struct{}{}, nil, 0
		}
		return fresh || len(unseen) > 0, nil
	})
	return found, err
}

// order notes the time of the next event of the list.
func (f *listed) order(at time.Time) {
	if !f.last.IsZero() {
		f.ascends = f.ascends || at.After(f.last)
		f.descends = f.descends || at.Before(f.last)
	}
	f.last = at
}

// addMissing adds those of the events that are not stored.
func (w *worker) addMissing(ctx context.Context, found *listed, events []sdk.ListedEvent) error {
	if len(events) == 0 {
		return nil
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
		if w.oldest.IsZero() || e.CreatedAt.Before(w.oldest) {
			w.oldest = e.CreatedAt
		}
	}
	return w.retry(ctx, func() error {
		stored, err := w.events.Find(ctx, w.Name, ids)
		if err != nil {
			return err
		}
		for i, e := range stored {
			switch {
			case e == nil:
				found.missing = append(found.missing, events[i])
				found.bytes += len(events[i].Payload)
			case e.Source != event.SourceReconciled:
				w.confirmed = true
			}
		}
		return nil
	})
}

// sorted returns the missing events, the oldest first. Those of one time are in the
// order of the list, read from its oldest end: that is the last page, unless the list was
// seen to begin with it.
func (f *listed) sorted() []sdk.ListedEvent {
	if f.descends || !f.ascends {
		slices.Reverse(f.missing)
	}
	slices.SortStableFunc(f.missing, func(a, b sdk.ListedEvent) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return f.missing
}

// unreadable notes that the list has items that are no events. The pass goes on with the
// others and fails at its end: its watermark stays before the window.
func (w *worker) unreadable(err *sdk.Error) {
	if w.pass.Error == nil {
		w.failed()
		w.pass.Error = errorOf(err)
	}
}

// page is one page of the list.
type page struct {
	events []sdk.ListedEvent
	// unreadable is what is wrong with items of it that are not among the events; nil
	// where nothing is.
	unreadable *sdk.Error
	next       string // cursor of the next page
}

// pages reads the list of a window page by page. The function gets each page and returns
// whether anything of it was new to it.
func (w *worker) pages(ctx context.Context, win window, each func(page) (fresh bool, err error)) error {
	request := sdk.ListEventsRequest{Since: win.from, Until: win.until, Types: w.Types, Limit: listPage}
	if win.open {
		request.Until = time.Time{}
	}
	used := map[[sha256.Size]byte]bool{}
	for stale := 0; ; {
		page, err := w.page(ctx, request)
		if err != nil {
			return err
		}
		fresh, err := each(page)
		if err != nil {
			return err
		}
		if stale++; fresh {
			stale = 0
		}
		switch {
		case page.next == "":
			return nil
		case used[sha256.Sum256([]byte(page.next))]:
			w.failed()
			return fmt.Errorf("%w: a cursor comes again", errCircle)
		case stale >= maxStalePages:
			w.failed()
			return fmt.Errorf("%w: %d pages in a row have nothing new", errCircle, stale)
		case len(used) >= maxPages:
			w.failed()
			return fmt.Errorf("%w, or has no end: it has more than %d pages", errCircle, maxPages)
		}
		used[sha256.Sum256([]byte(page.next))] = true
		request.Cursor = page.next
	}
}

// page reads one page, and asks for it again as long as that may help. The error is
// *sdk.Error, or that of ctx.
func (w *worker) page(ctx context.Context, request sdk.ListEventsRequest) (page, error) {
	for try := 1; ; try++ {
		found, err := w.call(ctx, request)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return page{}, ctx.Err()
		}
		w.failed()
		wait := max(listWait.After(try), err.RetryAfter)
		// A list that is broken now may be whole the next time.
		if !err.Retryable && err.Code != sdk.CodeInternal || try == maxListTries || wait > maxListWait {
			w.retryIn = err.RetryAfter
			return page{}, err
		}
		if err := w.retry(ctx, func() error { return w.save(ctx, nothingMore) }); err != nil { // so that it is seen
			return page{}, err
		}
		if err := backoff.Sleep(ctx, wait); err != nil {
			return page{}, err
		}
	}
}

// failed counts an error of the list.
func (w *worker) failed() {
	w.pass.Counts.Errors++
	w.metrics.errors.WithLabelValues(w.Name).Inc()
}

// call calls the list once.
func (w *worker) call(ctx context.Context, request sdk.ListEventsRequest) (page, *sdk.Error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	listed, err := w.List(ctx, request)
	found := page{events: listed.Events, next: listed.NextCursor}
	if unreadable, ok := errors.AsType[*provider.UnreadableError](err); ok {
		found.unreadable, err = unreadable.Err, nil
	}
	if err == nil {
		return found, nil
	}
	failed, ok := errors.AsType[*sdk.Error](err)
	switch {
	case ok:
		return page{}, failed
	case errors.Is(err, context.DeadlineExceeded):
		return page{}, &sdk.Error{Code: sdk.CodeTimeout, Message: fmt.Sprintf("the list did not respond within %s", listTimeout), Retryable: true}
	default:
		return page{}, &sdk.Error{Code: sdk.CodeUpstream, Message: err.Error(), Retryable: true}
	}
}

// recent are the ids that the list has named last, a bounded number.
type recent struct{ now, before map[string]struct{} }

// add adds the ids of a window.
func (r *recent) add(ids map[string]struct{}) {
	if len(r.now)+len(ids) > maxWindow {
		r.before, r.now = r.now, nil
	}
	if r.now == nil {
		r.now = make(map[string]struct{}, len(ids))
	}
	for id := range ids {
		r.now[id] = struct{}{}
	}
}

// has reports whether an id is among them.
func (r *recent) has(id string) bool {
	_, now := r.now[id]
	_, before := r.before[id]
	return now || before
}
