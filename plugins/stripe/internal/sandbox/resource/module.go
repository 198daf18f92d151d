package resource

import (
	"net/url"
	"time"
)

// Operation does one operation of the API. It returns the object, or the Object
// made by Tx.List and its like; or a refusal, which undoes all that it changed
// unless the refusal stands.
type Operation func(t *Tx, r *Request) (Object, *Refusal)

// Timer does what was due: the object is the one that Tx.After named.
type Timer func(t *Tx, object string)

// Listener is called after an event of its type was made. The object is as it was
// in the event: what is to be changed is got anew.
type Listener func(t *Tx, o Object)

// Include makes a field that is in an object only when "expand" names it, such as
// the subscriptions of a customer.
type Include func(t *Tx, o Object) any

// Page shows a page, or does what a form on it says. Path is the rest of the path, and
// form holds what was sent, nil for a GET. It returns the page as HTML, or where to go.
type Page func(t *Tx, path []string, form url.Values) PageResult

// PageResult is how a page responds.
type PageResult struct {
	// Status is that of the response; zero means 200.
	Status int
	HTML   string
	// Location, if it is not empty, is where the browser goes next.
	Location string
}

// Module is a part of the API that the sandbox knows.
type Module struct {
	// Operations are by Stripe's operationId.
	Operations map[string]Operation
	// Timers are by the kind that Tx.After names; kinds are unique over all
	// modules: "subscription.renew".
	Timers map[string]Timer
	// Grace are the kinds of timers that only wait so that something can be changed
	// meanwhile, and how long they do. Moving all time does not end in such a wait: at
	// its end they fire.
	Grace map[string]time.Duration
	// Listeners are by the type of the event.
	Listeners map[string][]Listener
	// Includes are by type and field: "customer.subscriptions".
	Includes map[string]Include
	// Pages are those that the sandbox shows to a browser, by the first part of their
	// path: "3d_secure". Nobody authenticates there: the path has to hold a secret.
	Pages map[string]Page
	// Prefixes are those of ids by type, without the underscore. A type without
	// one cannot be made by Tx.New.
	Prefixes map[string]string
	// Seed makes the objects that the sandbox begins with. It makes no events.
	Seed func(t *Tx)
}

// Join makes one module of several. Seeds run in order.
func Join(modules ...Module) Module {
	whole := Module{
		Operations: map[string]Operation{}, Timers: map[string]Timer{}, Grace: map[string]time.Duration{}, Listeners: map[string][]Listener{},
		Includes: map[string]Include{}, Pages: map[string]Page{}, Prefixes: map[string]string{},
	}
	for _, module := range modules {
		merge(whole.Operations, module.Operations)
		merge(whole.Timers, module.Timers)
		merge(whole.Grace, module.Grace)
		merge(whole.Includes, module.Includes)
		merge(whole.Pages, module.Pages)
		merge(whole.Prefixes, module.Prefixes)
		for event, listeners := range module.Listeners {
			whole.Listeners[event] = append(whole.Listeners[event], listeners...)
		}
	}
	whole.Seed = func(t *Tx) {
		for _, module := range modules {
			if module.Seed != nil {
				module.Seed(t)
			}
		}
	}
	return whole
}

// merge copies entries. One that two modules have is a mistake in the code.
func merge[V any](into, from map[string]V) {
	for name, value := range from {
		if _, ok := into[name]; ok {
			panic("sandbox: two modules have " + name)
		}
		into[name] = value
	}
}
