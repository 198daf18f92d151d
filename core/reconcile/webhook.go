package reconcile

import (
	"context"
	"time"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

const (
	// DefaultPace is the time from one missing event that is taken in to the next.
	DefaultPace = time.Second / 20
	// DefaultGrace is how old an event is at least before a pass of its own accord
	// looks for it: a younger one may be under delivery.
	DefaultGrace = 5 * time.Minute
	// MaxLookback is how far back a pass looks at most: ids of events are remembered
	// for event.TTL, and an older one could not be told from a new one. The last hour
	// of that is left to what takes long.
	MaxLookback = event.TTL - time.Hour
)

// List returns a page of what has happened at a vendor, as sdk.EventLister. A page may
// come with a *provider.UnreadableError.
type List func(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error)

// Intake takes in an event, as webhook.Intake does.
type Intake interface {
	Take(ctx context.Context, arrival webhook.Arrival) (webhook.Receipt, error)
}

// Webhook is a webhook whose events are compared with the list of its vendor.
type Webhook struct {
	// Name is the webhook's name.
	Name string
	// List is the vendor's list, and Intake takes in what is missing.
	List   List
	Intake Intake
	// Every is the time from pass to pass; zero: only passes that are asked for.
	Every time.Duration
	// Lookback is how far back a pass looks at most; zero is 72 hours.
	Lookback time.Duration
	// Grace is how old an event is at least that a pass of its own accord looks for;
	// zero is DefaultGrace, or Every where that is shorter.
	Grace time.Duration
	// Pace is the time from one event that is taken in to the next; zero is DefaultPace.
	Pace time.Duration
	// Types are patterns of the types that the list is asked for, see
	// sdk.ListEventsRequest; empty: all. They are those of the webhook's filter: an event
	// that it holds back is called unknown by no list that was not asked for it.
	Types []string
	// Partial says that the list does not name all that the webhook receives: then
	// nothing that it does not name is called unknown.
	Partial bool
}

// defaultLookback is that of the zero value.
const defaultLookback = 72 * time.Hour

// withDefaults returns the webhook with defaults in the place of zeros.
func (w Webhook) withDefaults() Webhook {
	if w.Lookback == 0 {
		w.Lookback = defaultLookback
	}
	w.Lookback = min(w.Lookback, MaxLookback)
	if w.Grace == 0 {
		w.Grace = DefaultGrace
		if w.Every > 0 {
			w.Grace = min(w.Grace, w.Every)
		}
	}
	if w.Pace == 0 {
		w.Pace = DefaultPace
	}
	return w
}
