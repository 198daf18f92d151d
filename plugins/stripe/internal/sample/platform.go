package sample

// platformBeginnings are how the objects of accounts, money movements and the
// smaller products come into being.
func platformBeginnings() map[string]change {
	flow := set(object{"status": "processing"})
	return map[string]change{
		"application": func(w *world, o object) error {
			o["id"], o["name"] = w.id("application"), "Sample application"
			return nil
		},
		"payout": func(w *world, o object) error {
			o["status"], o["arrival_date"], o["reconciliation_status"] = "pending", w.after(2*day), "in_progress"
			return nil
		},
		"topup":                         set(object{"status": "pending"}),
		"tax.settings":                  set(object{"status": "pending", "status_details": object{"pending": object{"missing_fields": []any{"head_office"}}}}),
		"identity.verification_session": set(object{"status": "requires_input", "last_verification_report": nil, "url": "https://verify.stripe.com/start/test_sample"}),
		"issuing.authorization":         set(object{"status": "pending"}),
		"issuing.card":                  set(object{"status": "inactive"}),
		"issuing.token":                 set(object{"status": "requested"}),
		"climate.order": func(w *world, o object) error {
			o["status"], o["confirmed_at"] = "confirmed", w.seconds()
			return nil
		},
		"reporting.report_run": func(w *world, o object) error {
			result, _ := o["result"].(object)
			w.objects["reporting.report_run result"] = result
			o["status"], o["result"] = "pending", nil
			return nil
		},
		"treasury.credit_reversal":  flow,
		"treasury.debit_reversal":   flow,
		"treasury.inbound_transfer": flow,
		"treasury.outbound_payment": func(w *world, o object) error {
			// Stripe's fixture has a form that the description does not.
			transfer, err := w.build("treasury.inbound_transfer")
			if err != nil {
				return err
			}
			o["status"], o["destination_payment_method_details"] = "processing", transfer["origin_payment_method_details"]
			return nil
		},
		"treasury.outbound_transfer": flow,
	}
}

// platformChanges are the events of accounts, money movements and the smaller
// products.
func platformChanges() map[string]change {
	failed := object{"code": "account_closed", "message": "The bank account has been closed."}
	treasuryFailed := set(object{"failure_details": object{"code": "account_closed"}, "cancelable": false})
	returned := func(w *world, o object) error {
		o["returned_details"] = object{"code": "account_closed", "transaction": w.id("treasury.transaction")}
		return nil
	}
	arrival := func(w *world, o object) error {
		o["expected_arrival_date"] = w.after(3 * day)
		return nil
	}
	reinstated := func(_ *world, o object) error {
		o["status"] = "won"
		return nil
	}
	refreshed := func(member string) change {
		return func(w *world, o object) error {
			o[member] = object{"last_attempted_at": w.seconds(), "status": "succeeded"}
			return nil
		}
	}
	action := func(status string, failure ...any) change {
		return func(w *world, o object) error {
			done := object{
				"type": "process_payment_intent", "status": status, "failure_code": nil, "failure_message": nil,
				"process_payment_intent": object{"payment_intent": w.id("payment_intent")},
			}
			if len(failure) == 2 {
				done["failure_code"], done["failure_message"] = failure[0], failure[1]
			}
			o["action"] = done
			return nil
		}
	}
	return map[string]change{
		"account.updated": set(object{"charges_enabled": true, "payouts_enabled": true, "details_submitted": true}),
		"capability.updated": func(w *world, o object) error {
			o["status"], o["requested_at"] = "active", w.seconds()
			return nil
		},
		"balance.available": func(w *world, o object) error {
			available, _ := o["available"].([]any)
			for _, entry := range available {
				entry := entry.(object)
				entry["amount"] = number(1099)
				if types, ok := dig(entry, "source_types"); ok {
					types["card"] = number(1099)
				}
			}
			return nil
		},
		"person.updated": set(object{"first_name": "Jenny", "last_name": "Rosen"}),

		"payout.failed": func(w *world, o object) error {
			o["failure_code"], o["failure_message"] = failed["code"], failed["message"]
			o["failure_balance_transaction"] = newID("txn_")
			return nil
		},
		"payout.reconciliation_completed": set(object{"reconciliation_status": "completed"}),
		"topup.failed":                    set(object{"failure_code": "account_closed", "failure_message": failed["message"]}),
		"topup.succeeded": func(w *world, o object) error {
			refer(w, o, "balance_transaction")
			return nil
		},
		"transfer.reversed": func(w *world, o object) error {
			reversal, err := w.get("transfer_reversal")
			if err != nil {
				return err
			}
			reversal["amount"], reversal["currency"] = o["amount"], o["currency"]
			o["reversed"], o["amount_reversed"] = true, o["amount"]
			reversals, _ := dig(o, "reversals")
			reversals["data"] = []any{clone(reversal)}
			return nil
		},

		"billing_portal.configuration.updated": set(object{"default_return_url": "https://example.com/account"}),
		"climate.order.delivered": func(w *world, o object) error {
			o["certificate"] = "https://frontierclimate.com/certificates/sample"
			return nil
		},
		"climate.order.canceled": set(object{"cancellation_reason": "requested"}),
		"climate.product.pricing_updated": func(_ *world, o object) error {
			if price, ok := dig(o, "current_prices_per_metric_ton", "usd"); ok {
				price["amount_subtotal"], price["amount_fees"], price["amount_total"] = number(60000), number(1800), number(61800)
			}
			return nil
		},

		"financial_connections.account.deactivated":         set(object{"status": "inactive"}),
		"financial_connections.account.reactivated":         set(object{"status": "active"}),
		"financial_connections.account.refreshed_balance":   refreshed("balance_refresh"),
		"financial_connections.account.refreshed_ownership": refreshed("ownership_refresh"),
		"financial_connections.account.refreshed_transactions": func(w *world, o object) error {
			o["transaction_refresh"] = object{"id": newID("fctxnref_"), "last_attempted_at": w.seconds(), "status": "succeeded"}
			return nil
		},
		"identity.verification_session.requires_input": set(object{"last_error": object{
			"code": "document_unverified_other", "reason": "The document could not be verified.",
		}}),
		"identity.verification_session.verified": func(w *world, o object) error {
			o["last_verification_report"], o["url"] = w.id("identity.verification_report"), nil
			return nil
		},
		"identity.verification_session.redacted": set(object{"redaction": object{"status": "redacted"}}),

		"issuing_authorization.request": func(w *world, o object) error {
			o["approved"] = false
			o["pending_request"] = object{
				"amount": number(382), "amount_details": object{"atm_fee": nil, "cashback_amount": nil}, "currency": "usd",
				"is_amount_controllable": false, "merchant_amount": number(382), "merchant_currency": "usd", "network_risk_score": nil,
			}
			return nil
		},
		"issuing_authorization.created": func(_ *world, o object) error {
			o["approved"], o["pending_request"], o["amount"], o["merchant_amount"] = true, nil, number(382), number(382)
			return nil
		},
		"issuing_authorization.updated":    set(object{"status": "closed"}),
		"issuing_card.updated":             set(object{"status": "active"}),
		"issuing_token.updated":            set(object{"status": "active"}),
		"issuing_dispute.closed":           reinstated,
		"issuing_dispute.funds_reinstated": reinstated,

		"reporting.report_run.failed": set(object{"status": "failed", "error": "The report could not be made."}),
		"reporting.report_run.succeeded": func(w *world, o object) error {
			o["status"], o["succeeded_at"] = "succeeded", w.seconds()
			o["result"] = clone(w.objects["reporting.report_run result"])
			return nil
		},
		"reporting.report_type.updated": func(w *world, o object) error {
			o["data_available_end"], o["updated"] = w.after(-day), w.seconds()
			return nil
		},
		"terminal.reader.action_succeeded": action("succeeded"),
		"terminal.reader.action_failed":    action("failed", "card_declined", "Your card was declined."),

		"treasury.debit_reversal.completed":                        set(object{"status": "succeeded"}),
		"treasury.financial_account.closed":                        set(object{"status": "closed", "status_details": object{"closed": object{"reasons": []any{"account_rejected"}}}}),
		"treasury.financial_account.features_status_updated":       set(object{"active_features": []any{"financial_addresses.aba"}, "pending_features": []any{"outbound_payments.ach", "outbound_payments.us_domestic_wire"}}),
		"treasury.inbound_transfer.failed":                         treasuryFailed,
		"treasury.outbound_payment.returned":                       returned,
		"treasury.outbound_transfer.returned":                      returned,
		"treasury.outbound_payment.expected_arrival_date_updated":  arrival,
		"treasury.outbound_transfer.expected_arrival_date_updated": arrival,
		"treasury.received_credit.failed":                          set(object{"failure_code": "account_closed"}),
	}
}
