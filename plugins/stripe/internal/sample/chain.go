package sample

import (
	"slices"
	"strings"
	"time"
)

// stage is one event of a life cycle.
type stage struct {
	// name is the event's type and, after a "#", which of its kind it is.
	name, eventType string
	// gap is how long after the event before it comes.
	gap time.Duration
	// fresh are the resources that begin anew with this event, such as the charge of
	// a second attempt.
	fresh []string
}

// Pieces of life cycles. A stage is written as "[+GAP] TYPE[#WHICH]".
const (
	// payment is a payment that succeeds at once
	// (https://docs.stripe.com/payments/paymentintents/lifecycle).
	payment = "payment_intent.created, charge.succeeded, payment_intent.succeeded"
	// authorised is a payment that is captured later
	// (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
	authorised = "payment_intent.created#manual, charge.succeeded#uncaptured, payment_intent.amount_capturable_updated"
	// disputed is a payment whose customer asks for the money back
	// (https://docs.stripe.com/disputes/how-disputes-work).
	disputed = payment + ", +24h charge.dispute.created, charge.dispute.funds_withdrawn"
	refunded = payment + ", +1h refund.created, charge.refunded"
	// joined is how a customer comes to be with a card.
	joined = "customer.created, payment_method.attached"
	// subscribed is a subscription that waits for the payment of its first invoice
	// (https://docs.stripe.com/billing/subscriptions/webhooks).
	subscribed = joined + ", customer.subscription.created#incomplete, " + billed + ", customer.subscription.updated#paid"
	billed     = "invoice.created, invoice.finalized, " + payment + ", invoice.paid, invoice.payment_succeeded"
	// renewal is the next period's invoice, up to the payment of it.
	renewal = "+720h invoice.created#renewal, +1h invoice.finalized, payment_intent.created"
	failing = "charge.failed, payment_intent.payment_failed, invoice.payment_failed"
	// dunning is an invoice that stays unpaid: attempts become rarer, then the
	// subscription ends (https://docs.stripe.com/billing/revenue-recovery/smart-retries).
	dunning = subscribed + ", " + renewal + ", " + failing + ", customer.subscription.updated#past_due, +72h " +
		failing + ", +120h " + failing + ", +168h " + failing + "#last, customer.subscription.deleted"
	// asynchronous is a Checkout session whose payment takes days
	// (https://docs.stripe.com/payments/checkout/fulfill-orders).
	asynchronous = "payment_intent.created, payment_intent.processing, checkout.session.completed#unpaid, +24h "
	trial        = joined + ", customer.subscription.created#trialing"
)

// chains are the life cycles that a type's name does not give, by the type that
// asks for it. A life cycle has the type in it, mostly as its last.
var chains = map[string]string{
	"charge.captured":                              authorised + ", +24h charge.captured",
	"charge.dispute.closed":                        disputed + ", +24h charge.dispute.updated, +24h charge.dispute.closed",
	"charge.dispute.created":                       payment + ", +24h charge.dispute.created",
	"charge.dispute.funds_reinstated":              disputed + ", +24h charge.dispute.updated, +24h charge.dispute.closed, charge.dispute.funds_reinstated",
	"charge.dispute.funds_withdrawn":               disputed,
	"charge.dispute.updated":                       disputed + ", +24h charge.dispute.updated",
	"charge.expired":                               authorised + ", +168h charge.expired",
	"charge.failed":                                "payment_intent.created, charge.failed",
	"charge.pending":                               "payment_intent.created, payment_intent.processing, charge.pending",
	"charge.refund.updated":                        refunded + ", +1h charge.refund.updated",
	"charge.refunded":                              refunded,
	"charge.succeeded":                             "payment_intent.created, charge.succeeded",
	"charge.updated":                               payment + ", +1h charge.updated",
	"checkout.session.async_payment_failed":        asynchronous + "charge.failed, payment_intent.payment_failed, checkout.session.async_payment_failed",
	"checkout.session.async_payment_succeeded":     asynchronous + "charge.succeeded, payment_intent.succeeded, checkout.session.async_payment_succeeded",
	"checkout.session.completed":                   payment + ", checkout.session.completed",
	"credit_note.created":                          subscribed + ", +24h credit_note.created",
	"credit_note.updated":                          subscribed + ", +24h credit_note.created, +1h credit_note.updated",
	"credit_note.voided":                           subscribed + ", +24h credit_note.created, +1h credit_note.voided",
	"customer.source.expiring":                     "customer.created, customer.source.created, +24h customer.source.expiring",
	"customer.subscription.created":                joined + ", customer.subscription.created, " + billed,
	"customer.subscription.deleted":                subscribed + ", +720h customer.subscription.deleted",
	"customer.subscription.paused":                 trial + ", +96h customer.subscription.trial_will_end, +72h customer.subscription.paused",
	"customer.subscription.pending_update_applied": subscribed + ", +24h customer.subscription.updated#pending, customer.subscription.pending_update_applied",
	"customer.subscription.pending_update_expired": subscribed + ", +24h customer.subscription.updated#pending, +23h customer.subscription.pending_update_expired",
	"customer.subscription.resumed":                trial + ", +96h customer.subscription.trial_will_end, +72h customer.subscription.paused, +24h customer.subscription.resumed",
	"customer.subscription.trial_will_end":         trial + ", +96h customer.subscription.trial_will_end",
	"customer.subscription.updated":                subscribed,
	"financial_connections.account.reactivated":    "financial_connections.account.created, +24h financial_connections.account.deactivated, +24h financial_connections.account.reactivated",
	"identity.verification_session.redacted":       "identity.verification_session.created, identity.verification_session.processing, identity.verification_session.verified, +24h identity.verification_session.redacted",
	"identity.verification_session.requires_input": "identity.verification_session.created, identity.verification_session.processing, identity.verification_session.requires_input",
	"identity.verification_session.verified":       "identity.verification_session.created, identity.verification_session.processing, identity.verification_session.verified",
	"invoice.created":                              joined + ", customer.subscription.created#incomplete, invoice.created",
	"invoice.finalized":                            joined + ", customer.subscription.created#incomplete, invoice.created, invoice.finalized",
	"invoice.marked_uncollectible":                 subscribed + ", " + renewal + ", " + failing + ", +720h invoice.marked_uncollectible",
	"invoice.paid":                                 joined + ", customer.subscription.created#incomplete, " + billed[:strings.Index(billed, ", invoice.payment_succeeded")],
	"invoice.payment_action_required":              joined + ", customer.subscription.created#incomplete, invoice.created, invoice.finalized, payment_intent.created, payment_intent.requires_action, invoice.payment_action_required",
	"invoice.payment_failed":                       dunning,
	"invoice.payment_succeeded":                    joined + ", customer.subscription.created#incomplete, " + billed,
	"invoice.sent":                                 "customer.created, invoice.created, invoice.finalized, invoice.sent",
	"invoice.upcoming":                             subscribed + ", +600h invoice.upcoming",
	"invoice.updated":                              joined + ", customer.subscription.created#incomplete, invoice.created, invoice.finalized, invoice.updated",
	"invoice.voided":                               "customer.created, invoice.created, invoice.finalized, +24h invoice.voided",
	"invoice.finalization_failed":                  joined + ", customer.subscription.created#incomplete, invoice.created, invoice.finalization_failed",
	"issuing_authorization.created":                "issuing_authorization.request, issuing_authorization.created",
	"issuing_authorization.updated":                "issuing_authorization.request, issuing_authorization.created, +24h issuing_authorization.updated",
	"issuing_card.created":                         "issuing_cardholder.created, issuing_card.created",
	"issuing_card.updated":                         "issuing_cardholder.created, issuing_card.created, +1h issuing_card.updated",
	"issuing_dispute.closed":                       "issuing_dispute.created, issuing_dispute.submitted, +24h issuing_dispute.closed",
	"issuing_dispute.funds_reinstated":             "issuing_dispute.created, issuing_dispute.submitted, +24h issuing_dispute.closed, issuing_dispute.funds_reinstated",
	"payment_intent.amount_capturable_updated":     authorised,
	"payment_intent.payment_failed":                "payment_intent.created, charge.failed, payment_intent.payment_failed",
	"payment_intent.succeeded":                     payment,
	"payment_method.attached":                      joined,
	"payment_method.automatically_updated":         joined + ", +720h payment_method.automatically_updated",
	"payment_method.detached":                      joined + ", +24h payment_method.detached",
	"payment_method.updated":                       joined + ", +24h payment_method.updated",
	"payout.reconciliation_completed":              "payout.created, +24h payout.paid, +1h payout.reconciliation_completed",
	"quote.accepted":                               "quote.created, quote.finalized, +24h quote.accepted",
	"radar.early_fraud_warning.created":            payment + ", +24h radar.early_fraud_warning.created",
	"radar.early_fraud_warning.updated":            payment + ", +24h radar.early_fraud_warning.created, +1h refund.created, charge.refunded, radar.early_fraud_warning.updated",
	"refund.created":                               payment + ", +1h refund.created",
	"refund.updated":                               refunded + ", +1h refund.updated",
	"review.closed":                                "payment_intent.created, charge.succeeded, review.opened, payment_intent.succeeded, +1h review.closed",
	"review.opened":                                "payment_intent.created, charge.succeeded, review.opened",
	"setup_intent.succeeded":                       "customer.created, setup_intent.created, payment_method.attached, setup_intent.succeeded",
	"source.refund_attributes_required":            "source.chargeable, source.refund_attributes_required",
	"test_helpers.test_clock.ready":                "test_helpers.test_clock.created, test_helpers.test_clock.advancing, test_helpers.test_clock.ready",
	"test_helpers.test_clock.internal_failure":     "test_helpers.test_clock.created, test_helpers.test_clock.advancing, test_helpers.test_clock.internal_failure",
	"topup.reversed":                               "topup.created, +24h topup.succeeded, +24h topup.reversed",
	"treasury.outbound_payment.returned":           "treasury.outbound_payment.created, treasury.outbound_payment.posted, +24h treasury.outbound_payment.returned",
	"treasury.outbound_transfer.returned":          "treasury.outbound_transfer.created, treasury.outbound_transfer.posted, +24h treasury.outbound_transfer.returned",
	"application_fee.created":                      payment + ", application_fee.created",
	"application_fee.refunded":                     payment + ", application_fee.created, +1h application_fee.refunded",
	"application_fee.refund.updated":               payment + ", application_fee.created, +1h application_fee.refunded, +1h application_fee.refund.updated",
	"account.application.deauthorized":             "account.application.authorized, +24h account.application.deauthorized",
}

// chain returns the life cycle of a type, and the place in it of the event that the
// type asks for: the first of the type.
func chain(eventType string) (stages []stage, named int) {
	text, ok := chains[eventType]
	if !ok {
		created := eventType[:strings.LastIndex(eventType, ".")+1] + "created"
		if text = eventType; created != eventType && slices.Contains(Types(), created) {
			text = created + ", +1h " + eventType
		}
	}
	named = -1
	for part := range strings.SplitSeq(text, ", ") {
		s := stage{name: part, gap: time.Second}
		if gap, rest, ok := strings.Cut(part, " "); ok {
			s.name = rest
			s.gap, _ = time.ParseDuration(strings.TrimPrefix(gap, "+")) // a test reads each
		}
		s.eventType, _, _ = strings.Cut(s.name, "#")
		s.fresh = fresh[s.name]
		if s.eventType == eventType && named < 0 {
			named = len(stages)
		}
		stages = append(stages, s)
	}
	return stages, named
}

// fresh are the resources of which an event begins another one: each attempt to pay
// is a charge of its own, each period has its invoice.
var fresh = map[string][]string{
	"charge.failed":           {"charge"},
	"charge.succeeded":        {"charge"},
	"invoice.created#renewal": {"invoice", "payment_intent", "charge"},
	"invoice.upcoming":        {"invoice", "payment_intent", "charge"},
}
