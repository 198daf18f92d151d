// Package notice makes events of what happens to the gateway itself: a run that
// failed, a plugin that is down. Webhooks whose provider is "backflow" receive them,
// and run their actions as those of any other event.
//
// What happened is kept in the state store until it is an event: a run that fails
// adds itself in the commit of its end, and a Notice is added by Raise. So none is
// lost in a crash. Of one cause there is one event in a window of time, however often
// it happens. What happens to the actions of such a webhook makes no event, and so
// none can cause the next.
//
// The package imports core/engine, core/event, core/outage, core/state,
// core/state/layout, core/webhook, core/workflow, sdk/digest and sdk/value.
package notice
