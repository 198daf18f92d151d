package sample

import (
	"maps"
	"time"
)

const day = 24 * time.Hour

// change brings an object into the state that an event tells of, and other objects
// of the world with it.
type change func(w *world, o object) error

// set gives members of an object a value.
func set(members object) change {
	return func(_ *world, o object) error {
		maps.Copy(o, clone(members).(object))
		return nil
	}
}

// refer names objects of the world in members that have the name of their kind.
func refer(w *world, o object, members ...string) {
	for _, member := range members {
		o[member] = w.id(member)
	}
}

// paymentBeginnings are how the objects of a payment come into being.
func paymentBeginnings() map[string]change {
	return map[string]change{
		"payment_intent": func(w *world, o object) error {
			refer(w, o, "customer")
			if invoice := w.objects["invoice"]; invoice != nil {
				refer(w, o, "invoice")
				o["amount"], o["currency"] = invoice["amount_due"], invoice["currency"]
			}
			return nil
		},
		"charge": func(w *world, o object) error {
			intent, err := w.get("payment_intent")
			if err != nil {
				return err
			}
			refer(w, o, "customer", "payment_intent", "payment_method")
			o["invoice"], o["description"] = intent["invoice"], intent["description"]
			o["amount"], o["currency"] = intent["amount"], intent["currency"]
			if overcapture, ok := dig(o, "payment_method_details", "card", "overcapture"); ok {
				overcapture["maximum_amount_capturable"] = o["amount"]
			}
			intent["latest_charge"] = o["id"]
			refer(w, intent, "payment_method")
			return nil
		},
		"refund": func(w *world, o object) error {
			charge, err := w.get("charge")
			if err != nil {
				return err
			}
			refer(w, o, "charge", "payment_intent")
			o["balance_transaction"], o["reason"] = newID("txn_"), "requested_by_customer"
			o["amount"], o["currency"] = charge["amount"], charge["currency"]
			return nil
		},
		"dispute": func(w *world, o object) error {
			charge, err := w.get("charge")
			if err != nil {
				return err
			}
			refer(w, o, "charge", "payment_intent")
			o["amount"], o["currency"] = charge["amount"], charge["currency"]
			o["status"], o["reason"], o["is_charge_refundable"] = "needs_response", "fraudulent", false
			details, _ := dig(o, "evidence_details")
			details["due_by"] = w.after(7 * day)
			charge["disputed"] = true
			return nil
		},
		"checkout.session": func(w *world, o object) error {
			intent, err := w.get("payment_intent")
			if err != nil {
				return err
			}
			refer(w, o, "customer")
			o["amount_total"], o["amount_subtotal"], o["currency"] = intent["amount"], intent["amount"], intent["currency"]
			o["expires_at"], o["payment_intent"] = w.after(day), nil
			return nil
		},
		"setup_intent": func(w *world, o object) error {
			refer(w, o, "customer")
			return nil
		},
		"application_fee": func(w *world, o object) error {
			charge, err := w.get("charge")
			if err != nil {
				return err
			}
			o["currency"] = charge["currency"]
			return nil
		},
		"fee_refund": func(w *world, o object) error {
			o["balance_transaction"] = newID("txn_")
			return nil
		},
		"radar.early_fraud_warning": func(_ *world, o object) error {
			o["fraud_type"] = "made_with_stolen_card"
			return nil
		},
		"review": func(w *world, o object) error {
			refer(w, o, "charge")
			return nil
		},
	}
}

// declined is what is known of a card that was declined
// (https://docs.stripe.com/declines/codes).
func declined(w *world) object {
	return object{
		"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "charge": w.id("charge"),
		"doc_url": "https://stripe.com/docs/error-codes/card-declined", "message": "Your card was declined.",
	}
}

// redirect is the step that a customer has to take to be authenticated.
func redirect() object {
	return object{"type": "redirect_to_url", "redirect_to_url": object{
		"return_url": "https://example.com/return", "url": "https://hooks.stripe.com/3d_secure_2/hosted",
	}}
}

// paymentChanges are the events of payments.
func paymentChanges() map[string]change {
	succeeded := func(w *world, o object) error {
		o["status"], o["paid"], o["captured"] = "succeeded", true, true
		o["amount_captured"], o["balance_transaction"] = o["amount"], w.id("balance_transaction")
		o["outcome"] = outcome("approved_by_network", "authorized", "Payment complete.")
		return nil
	}
	refundedFee := func(_ *world, o object) error {
		o["refunded"], o["amount_refunded"] = true, o["amount"]
		return nil
	}
	return map[string]change{
		"payment_intent.created": set(object{"status": "requires_payment_method"}),
		"payment_intent.created#manual": set(object{
			"status": "requires_payment_method", "capture_method": "manual",
		}),
		"payment_intent.succeeded": func(w *world, o object) error {
			charge, err := w.get("charge")
			if err != nil {
				return err
			}
			o["amount_received"], o["amount_capturable"], o["next_action"] = o["amount"], number(0), nil
			o["latest_charge"], o["last_payment_error"] = charge["id"], nil
			refer(w, o, "payment_method")
			return nil
		},
		"payment_intent.payment_failed": func(w *world, o object) error {
			o["status"], o["last_payment_error"], o["payment_method"] = "requires_payment_method", declined(w), nil
			return nil
		},
		"payment_intent.requires_action": func(w *world, o object) error {
			refer(w, o, "payment_method")
			o["next_action"] = redirect()
			return nil
		},
		"payment_intent.processing": func(w *world, o object) error {
			refer(w, o, "payment_method")
			return nil
		},
		"payment_intent.amount_capturable_updated": func(_ *world, o object) error {
			o["status"], o["amount_capturable"] = "requires_capture", o["amount"]
			return nil
		},
		"payment_intent.partially_funded": set(object{
			"status": "requires_action", "payment_method_types": []any{"customer_balance"},
			"next_action": object{"type": "display_bank_transfer_instructions", "display_bank_transfer_instructions": object{
				"amount_remaining": number(500), "currency": "usd", "hosted_instructions_url": nil, "reference": "KTRFT7TUHYD1", "type": "us_bank_transfer",
			}},
		}),
		"payment_intent.canceled": set(object{"cancellation_reason": "requested_by_customer"}),

		"charge.succeeded": succeeded,
		"charge.succeeded#uncaptured": func(_ *world, o object) error {
			o["paid"], o["captured"], o["balance_transaction"] = true, false, nil
			o["outcome"] = outcome("approved_by_network", "authorized", "Payment complete.")
			return nil
		},
		"charge.captured": succeeded,
		"charge.expired": func(_ *world, o object) error {
			o["refunded"], o["amount_refunded"] = true, o["amount"]
			return nil
		},
		"charge.pending": set(object{"paid": false, "balance_transaction": nil}),
		"charge.failed": func(w *world, o object) error {
			o["paid"], o["captured"], o["balance_transaction"] = false, false, nil
			o["failure_code"], o["failure_message"] = "card_declined", "Your card was declined."
			o["outcome"] = outcome("declined_by_network", "issuer_declined", "The bank did not return any further details with this decline.")
			return nil
		},
		"charge.refunded": func(w *world, o object) error {
			refund, err := w.get("refund")
			if err != nil {
				return err
			}
			o["refunded"], o["amount_refunded"] = true, refund["amount"]
			if refunds, ok := dig(o, "refunds"); ok {
				refunds["data"] = []any{clone(refund)}
			}
			return nil
		},
		"charge.dispute.funds_withdrawn": withdrawn,
		"charge.dispute.updated": func(_ *world, o object) error {
			evidence, _ := dig(o, "evidence")
			evidence["uncategorized_text"] = "The customer received the goods."
			details, _ := dig(o, "evidence_details")
			details["has_evidence"], details["submission_count"] = true, number(1)
			o["status"] = "under_review"
			return nil
		},
		"charge.dispute.closed":           set(object{"status": "won"}),
		"charge.dispute.funds_reinstated": reinstated,

		"checkout.session.completed": func(w *world, o object) error {
			o["status"], o["payment_status"], o["url"] = "complete", "paid", nil
			refer(w, o, "payment_intent")
			return nil
		},
		"checkout.session.completed#unpaid": func(w *world, o object) error {
			o["status"], o["payment_status"], o["url"] = "complete", "unpaid", nil
			refer(w, o, "payment_intent")
			return nil
		},
		"checkout.session.async_payment_succeeded": set(object{"payment_status": "paid"}),
		"checkout.session.async_payment_failed":    set(object{"payment_status": "unpaid"}),
		"checkout.session.expired": func(w *world, o object) error {
			o["payment_status"], o["url"], o["expires_at"] = "unpaid", nil, w.seconds()
			return nil
		},

		"setup_intent.succeeded": func(w *world, o object) error {
			refer(w, o, "payment_method")
			o["latest_attempt"] = w.id("setup_attempt")
			return nil
		},
		"setup_intent.requires_action": func(w *world, o object) error {
			refer(w, o, "payment_method")
			o["next_action"] = redirect()
			return nil
		},
		"setup_intent.setup_failed": func(w *world, o object) error {
			failed := declined(w)
			delete(failed, "charge")
			o["status"], o["last_setup_error"], o["latest_attempt"] = "requires_payment_method", failed, w.id("setup_attempt")
			return nil
		},
		"setup_intent.canceled": set(object{"cancellation_reason": "requested_by_customer"}),

		"payment_method.attached": func(w *world, o object) error {
			refer(w, o, "customer")
			return nil
		},
		"payment_method.detached": set(object{"customer": nil}),
		"payment_method.updated": func(_ *world, o object) error {
			if details, ok := dig(o, "billing_details"); ok {
				details["email"] = "jenny.rosen@example.com"
			}
			return nil
		},
		"payment_method.automatically_updated": func(w *world, o object) error {
			if card, ok := dig(o, "card"); ok {
				card["exp_year"] = number(int64(w.now.Year() + 4))
			}
			return nil
		},

		"application_fee.refunded": func(w *world, o object) error {
			refund, err := w.get("fee_refund")
			if err != nil {
				return err
			}
			refunds, _ := dig(o, "refunds")
			refunds["data"] = []any{clone(refund)}
			return refundedFee(w, o)
		},
		"radar.early_fraud_warning.updated": set(object{"actionable": false}),
		"review.closed":                     set(object{"open": false, "closed_reason": "approved", "reason": "approved"}),

		"customer.source.created": func(w *world, o object) error {
			refer(w, o, "customer")
			return nil
		},
		"source.chargeable": set(object{"status": "chargeable"}),
		"source.failed":     set(object{"status": "failed"}),
		"source.canceled":   set(object{"status": "canceled"}),
		"source.refund_attributes_required": func(_ *world, o object) error {
			receiver, _ := dig(o, "receiver")
			receiver["refund_attributes_status"] = "requested"
			return nil
		},
		"source.transaction.updated": set(object{"status": "failed"}),
		"mandate.updated":            set(object{"status": "inactive"}),
	}
}
