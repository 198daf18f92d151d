// Package layout lists all that Backflow stores: the names of buckets, sets, timer
// queues and journals, with what each holds. The names are part of the stored
// format: changing one leaves what is stored behind.
//
// A package that stores something adds its names here and uses them from here, so
// that no two packages choose the same and one file shows the whole. Sets whose
// comment says "by" something are families: the name of one set is the constant,
// a slash, and what it is by. What the values look like is known to the package
// that writes them.
//
// The package imports nothing of the project.
package layout

// Buckets of records.
const (
	// BucketRun has a record of each run, by run id. Written by core/engine.
	BucketRun = "run"
	// BucketDefinition has each definition that a run was started with, by its
	// hash. Written by core/engine.
	BucketDefinition = "definition"
	// BucketInbox has the messages to runs, by RUN/MESSAGE, where MESSAGE is
	// TIME/KIND/SIZE/NAME (TIME alone of an earlier program). Written by core/engine.
	BucketInbox = "mail"
	// BucketGroupVersion has a value for each concurrency group, by group, that
	// every admission to the group changes, for 24 hours. Written by core/engine.
	BucketGroupVersion = "gate"
	// BucketGroupWakeup has a value for each concurrency group, by group, that changes
	// whenever the group is to be looked at, for 24 hours. Written by core/engine.
	BucketGroupWakeup = "wakeup"
	// BucketLaneStart has a record of runs that began in a lane with a rate, by
	// GROUP/NUMBER, for the time of the rate. Written by core/engine.
	BucketLaneStart = "lane-start"
	// BucketEvent has a record of each webhook event, by WEBHOOK/EVENT, for 30
	// days. Written by core/engine for core/event.
	BucketEvent = "event"
	// BucketEventRoots has what the actions of each filtered event would see, by
	// WEBHOOK/EVENT, for as long as the event. Written by core/event.
	BucketEventRoots = "event-roots"
	// BucketEventContent has the key in BucketEvent of the event that came first with a
	// content, by WEBHOOK/DIGEST, for 30 days. Written by core/engine for core/event.
	BucketEventContent = "event-content"
	// BucketEventRemains has what remains of the latest run of each webhook event, where
	// that did not succeed and was removed, by WEBHOOK/EVENT, for as long as the event.
	// Written by core/engine for core/event.
	BucketEventRemains = "event-remains"
	// BucketIdempotency has a record of each request with an Idempotency-Key, by
	// the hash of its scope, for as long as the key is honoured. Written by
	// core/idempotency, and by core/engine for it.
	BucketIdempotency = "idempotency"
	// BucketSchedule has a record of each schedule, by name. Written by
	// core/schedule.
	BucketSchedule = "schedule"
	// BucketTick has an empty record of each tick that was handled, by
	// SCHEDULE/TICK, for 48 hours. Written by core/schedule.
	BucketTick = "schedule-tick"
	// BucketBulk has a record of each bulk, by its id, for seven days. Written by
	// core/bulk.
	BucketBulk = "bulk"
	// BucketBulkChunk has the items of bulks, a hundred in each, with what became of
	// them, by BULK/NUMBER, for seven days. Written by core/bulk.
	BucketBulkChunk = "bulk-chunk"
	// BucketBulkItem has a record of each item of a bulk that took effect, by
	// BULK/INDEX, for seven days. Written by core/engine for core/bulk.
	BucketBulkItem = "bulk-item"
	// BucketBulkCaller has the id of the bulk that is running, by caller. Written by
	// core/bulk.
	BucketBulkCaller = "bulk-caller"
	// BucketNotice has what happened to the gateway and is no event yet, by id, for
	// seven days. Written by core/notice.
	BucketNotice = "notice"
	// BucketNoticeWindow has the event that a cause made last, by WEBHOOK/CAUSE, for
	// as long as it makes no other. Written by core/notice.
	BucketNoticeWindow = "notice-window"
	// BucketDestination has a record of each destination that is not simply enabled, by
	// name. Written by core/destination.
	BucketDestination = "destination"
	// BucketDelivery has a record of each message to a destination, by DESTINATION/ID,
	// for as long as its run is kept, or it is held. Written by core/destination, and by
	// core/engine for it.
	BucketDelivery = "delivery"
	// BucketMessage has the bytes that are sent of each message, by DESTINATION/ID, for
	// as long. Written by core/destination, and by core/engine for it.
	BucketMessage = "message"
	// BucketPublication has a record of each message that was published, by its id, for
	// seven days. Written by core/destination.
	BucketPublication = "publication"
	// BucketReconcile has a record of each webhook that is compared with its vendor's
	// list, by webhook, for 60 days after its last change. Written by core/reconcile.
	BucketReconcile = "reconcile"
	// BucketReconcilePass has a record of each comparison that was asked for and has
	// ended, by WEBHOOK/PASS, for seven days. Written by core/reconcile.
	BucketReconcilePass = "reconcile-pass"
	// BucketLease has a record of each live process, by lease id. Written by
	// core/lease; other packages make their commits require it.
	BucketLease = "lease"
)

// Sets of members in byte order. Ids of runs are ordered by the time of their
// start.
const (
	// SetRuns is the ids of all runs, by workflow. The set without a workflow
	// holds runs in version 1 of their format only. Written by core/engine.
	SetRuns = "runs"
	// SetWorkflows is the ids of all workflows that have runs. Written by
	// core/engine.
	SetWorkflows = "workflows"
	// SetRunning is the runs that a process works on, as RUN/LEASE. Written by
	// core/engine.
	SetRunning = "running"
	// SetWaiting is the runs that no process works on until something happens.
	// Written by core/engine.
	SetWaiting = "waiting"
	// SetIdle is the same runs, by STATUS/WORKFLOW, to be counted. Those that began
	// to wait under a version without it are in it once they wait again. Written by
	// core/engine.
	SetIdle = "idle"
	// SetQueues is the workflows that have queued runs, or had. Written by
	// core/engine.
	SetQueues = "queues"
	// SetQueued is the runs that a process may begin, by workflow. Written by
	// core/engine.
	SetQueued = "queued"
	// SetGroups is the groups of a workflow's concurrency that have throttled runs, or
	// had. Written by core/engine.
	SetGroups = "groups"
	// SetThrottled is the queued runs that wait for others of their concurrency
	// group, by group. Written by core/engine.
	SetThrottled = "held"
	// SetBlocked is those of them that wait for their order or their lane, by
	// workflow. Written by core/engine.
	SetBlocked = "blocked"
	// SetActive is the runs that count against the limit of their concurrency
	// group, by group. Written by core/engine.
	SetActive = "holding"
	// SetFailed is the failed runs, as RUN/WORKFLOW. Written by core/engine.
	SetFailed = "failed"
	// SetCancelled is the cancelled runs, as RUN/WORKFLOW. Written by core/engine.
	SetCancelled = "cancelled"
	// SetFailures is the failed runs without a parent of which core/notice has made
	// no event yet, as TIME/RUN. Written by core/engine; core/notice removes them.
	SetFailures = "failures"
	// SetNotices is the ids of what is in the bucket of notices, as TIME/ID. Written
	// by core/notice.
	SetNotices = "notices"
	// SetEnded is the ended runs in the order of their ends, as TIME/RUN, by
	// "succeeded" or "failed": retention removes the oldest. Runs that succeeded
	// fast are not in it. Written by core/engine.
	SetEnded = "ended"
	// SetInbox is the messages to a run, as RUN/MESSAGE, by run. Written by
	// core/engine.
	SetInbox = "mail"
	// SetEvents is the webhook events in the order of their arrival, as
	// TIME/WEBHOOK/EVENT: all of them, and by webhook. Written by core/engine for
	// core/event, which removes the old ones.
	SetEvents = "events"
	// SetEventsFailed is the events of BucketEventRemains, as RUN/WEBHOOK/EVENT. Written
	// by core/engine for core/event, which removes the old ones.
	SetEventsFailed = "events-failed"
	// SetSchedules is the names of all schedules. Written by core/schedule.
	SetSchedules = "schedules"
	// SetBulksRunning is the ids of the bulks that are running. Written by core/bulk.
	SetBulksRunning = "bulks-running"
	// SetMessages is the messages in the order of their making, as TIME/ID, by
	// destination. Written by core/destination, and by core/engine for it.
	SetMessages = "messages"
	// SetHeld is those of them that are held, by destination. Written by
	// core/destination.
	SetHeld = "messages-held"
	// SetReconcileBusy is the webhooks with a comparison that is under way or waits.
	// Written by core/reconcile.
	SetReconcileBusy = "reconcile-busy"
	// SetLeases is the ids of all leases. Written by core/lease.
	SetLeases = "leases"
)

// Queues of timers.
const (
	// QueueRun has a timer for each run that waits for a time, by run id, and for
	// each message that was not handled yet, by RUN/MESSAGE. Written by
	// core/engine.
	QueueRun = "run"
	// QueueGroup has a timer for each concurrency group that is to be looked at, since
	// a run waits in it or a place in it has become free, by group. Written by
	// core/engine.
	QueueGroup = "group"
	// QueueBlock has a timer for each run that has begun and that the next of its order
	// waits for, by run id: when it waits no longer. Written by core/engine.
	QueueBlock = "block"
	// QueueSchedule has a timer for the next tick of each schedule, by name.
	// Written by core/schedule.
	QueueSchedule = "schedule"
	// QueueReconcile has a timer for the next comparison of each webhook, by webhook.
	// Written by core/reconcile.
	QueueReconcile = "reconcile"
	// QueueLease has a timer for the expiry of each lease, by lease id. Written by
	// core/lease.
	QueueLease = "lease"
)

// The journal of a run has the run's id as its name. There are no other journals.
