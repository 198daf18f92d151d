// Package idempotency is the ledger behind the Idempotency-Key header: a
// request that carries a key takes effect once, however often it is sent.
//
// The first request is recorded by one atomic insert before its effect. The
// record has a random id of its own, from which the key for the integration is
// derived: the same for every repeat of that record, another once the record
// has expired. A record is in one of these states:
//
//	          Begin                Complete
//	(none) ---------> pending ---------------> done      the response is replayed
//	   ^               |  ^ \     KeepUnknown
//	   |    Abandon    |  |  `---------------> unknown   nothing runs again
//	   `---------------'  | RepeatLater, or the holder is gone:
//	                      ` the next Begin takes the record with the same id
//
// A pending record names the lease of the process that holds it; it is held
// while that lease exists and, within the process, while its Entry is not
// settled. So a crash, a panic or a lost write does not block the key. What an
// outage of the store kept from being written is written after it, so that other
// processes do not wait for a holder that has given up. A record lives for a fixed
// time from its first insert, whatever happens to it, by the store's clock alone.
//
// Requests for runs (start, cancel, retry, signal) are recorded by the write that
// makes or changes the run. The response to a repeat is made from the run itself:
// see [Ledger.Record].
//
// It is a layer over core/state. The package imports core/engine, core/state,
// core/state/layout and sdk/digest. Of core/engine it takes the value by which a
// request for a run is recorded. It does not know what an action is, nor decide
// what may be repeated.
package idempotency
