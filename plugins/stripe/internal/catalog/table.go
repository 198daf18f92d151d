package catalog

// row says of an action what Stripe's description does not.
type row struct {
	// name is a verb and what it is done to, in the plural for lists.
	name string
	// operation is the operationId.
	operation string
	// id is what the id in the path is called, empty if the path has none.
	id string
	// example are params that work on the sandbox.
	example string
	// text is the description, where the first sentence of Stripe's is none.
	text string
	// sensitive are further members of the result that runs do not keep.
	sensitive []string
}

// rows are the actions in the order in which users see them: the five of the first
// release, then by resource.
var rows = []row{
	{name: "createPaymentIntent", operation: "PostPaymentIntents", text: "Creates a payment intent.", example: `{"amount":2000,"currency":"usd","customer":"cus_123"}`},
	{name: "createCustomer", operation: "PostCustomers", text: "Creates a customer.", example: `{"email":"customer@example.com","name":"John Doe"}`},
	{name: "createSubscription", operation: "PostSubscriptions", text: "Subscribes a customer to a price.", example: `{"customer":"cus_123","priceId":"price_456"}`},
	{name: "getSubscription", operation: "GetSubscriptionsSubscriptionExposedId", id: "subscriptionId", text: "Answers a subscription.", example: `{"subscriptionId":"sub_789"}`},
	{name: "cancelSubscription", operation: "DeleteSubscriptionsSubscriptionExposedId", id: "subscriptionId", text: "Cancels a subscription at the end of its period, or immediately.", example: `{"subscriptionId":"sub_789","immediately":false}`},

	{name: "getPaymentIntent", operation: "GetPaymentIntentsIntent", id: "paymentIntentId", example: `{"paymentIntentId":"pi_123"}`},
	{name: "updatePaymentIntent", operation: "PostPaymentIntentsIntent", id: "paymentIntentId", example: `{"paymentIntentId":"pi_123","description":"Order 42"}`},
	{name: "confirmPaymentIntent", operation: "PostPaymentIntentsIntentConfirm", id: "paymentIntentId", text: "Confirms a payment intent with its payment method, or the one given.", example: `{"paymentIntentId":"pi_123","payment_method":"pm_card_visa"}`},
	{name: "capturePaymentIntent", operation: "PostPaymentIntentsIntentCapture", id: "paymentIntentId", text: "Captures the funds of a payment intent that requires it.", example: `{"paymentIntentId":"pi_123"}`},
	{name: "cancelPaymentIntent", operation: "PostPaymentIntentsIntentCancel", id: "paymentIntentId", text: "Cancels a payment intent that is not finished.", example: `{"paymentIntentId":"pi_123"}`},
	{name: "listPaymentIntents", operation: "GetPaymentIntents", example: `{"customer":"cus_123","limit":10}`},
	{name: "searchPaymentIntents", operation: "GetPaymentIntentsSearch", example: `{"query":"status:'succeeded'"}`},

	{name: "getCustomer", operation: "GetCustomersCustomer", id: "customerId", example: `{"customerId":"cus_123"}`},
	{name: "updateCustomer", operation: "PostCustomersCustomer", id: "customerId", example: `{"customerId":"cus_123","name":"Jane Doe"}`},
	{name: "deleteCustomer", operation: "DeleteCustomersCustomer", id: "customerId", example: `{"customerId":"cus_124"}`},
	{name: "listCustomers", operation: "GetCustomers", example: `{"email":"customer@example.com"}`},
	{name: "searchCustomers", operation: "GetCustomersSearch", example: `{"query":"name:'John Doe'"}`},

	{name: "updateSubscription", operation: "PostSubscriptionsSubscriptionExposedId", id: "subscriptionId", example: `{"subscriptionId":"sub_789","metadata":{"plan":"gold"}}`},
	{name: "resumeSubscription", operation: "PostSubscriptionsSubscriptionResume", id: "subscriptionId", text: "Resumes a paused subscription.", example: `{"subscriptionId":"sub_789"}`},
	{name: "listSubscriptions", operation: "GetSubscriptions", text: "Lists subscriptions; cancelled ones only where status asks for them.", example: `{"customer":"cus_123"}`},
	{name: "searchSubscriptions", operation: "GetSubscriptionsSearch", example: `{"query":"status:'active'"}`},

	{name: "createInvoice", operation: "PostInvoices", text: "Creates a draft invoice for a customer.", example: `{"customer":"cus_123"}`},
	{name: "getInvoice", operation: "GetInvoicesInvoice", id: "invoiceId", example: `{"invoiceId":"in_123"}`},
	{name: "updateInvoice", operation: "PostInvoicesInvoice", id: "invoiceId", text: "Updates an invoice; most fields only while it is a draft.", example: `{"invoiceId":"in_123","description":"Order 42"}`},
	{name: "deleteInvoice", operation: "DeleteInvoicesInvoice", id: "invoiceId", example: `{"invoiceId":"in_123"}`},
	{name: "finalizeInvoice", operation: "PostInvoicesInvoiceFinalize", id: "invoiceId", text: "Finalizes a draft invoice.", example: `{"invoiceId":"in_123"}`},
	{name: "payInvoice", operation: "PostInvoicesInvoicePay", id: "invoiceId", text: "Attempts the payment of an invoice now.", example: `{"invoiceId":"in_123"}`},
	{name: "sendInvoice", operation: "PostInvoicesInvoiceSend", id: "invoiceId", text: "Sends an invoice to the customer by e-mail.", example: `{"invoiceId":"in_123"}`},
	{name: "voidInvoice", operation: "PostInvoicesInvoiceVoid", id: "invoiceId", text: "Voids a finalized invoice, for good.", example: `{"invoiceId":"in_123"}`},
	{name: "markInvoiceUncollectible", operation: "PostInvoicesInvoiceMarkUncollectible", id: "invoiceId", text: "Marks an invoice as uncollectible, for the bookkeeping of bad debts.", example: `{"invoiceId":"in_123"}`},
	{name: "listInvoices", operation: "GetInvoices", text: "Lists invoices.", example: `{"customer":"cus_123"}`},
	{name: "searchInvoices", operation: "GetInvoicesSearch", example: `{"query":"total>1000"}`},

	{name: "createInvoiceItem", operation: "PostInvoiceitems", text: "Creates an item for a customer's next invoice, or for a draft.", example: `{"customer":"cus_123","amount":2500,"currency":"usd"}`},
	{name: "getInvoiceItem", operation: "GetInvoiceitemsInvoiceitem", id: "invoiceItemId", example: `{"invoiceItemId":"ii_123"}`},
	{name: "updateInvoiceItem", operation: "PostInvoiceitemsInvoiceitem", id: "invoiceItemId", example: `{"invoiceItemId":"ii_123","amount":3000}`},
	{name: "deleteInvoiceItem", operation: "DeleteInvoiceitemsInvoiceitem", id: "invoiceItemId", example: `{"invoiceItemId":"ii_123"}`},
	{name: "listInvoiceItems", operation: "GetInvoiceitems", example: `{"customer":"cus_123"}`},

	{name: "createRefund", operation: "PostRefunds", text: "Refunds a charge or a payment intent, whole or in part.", example: `{"payment_intent":"pi_123","amount":500}`},
	{name: "getRefund", operation: "GetRefundsRefund", id: "refundId", example: `{"refundId":"re_123"}`},
	{name: "updateRefund", operation: "PostRefundsRefund", id: "refundId", example: `{"refundId":"re_123","metadata":{"reason":"late"}}`},
	{name: "cancelRefund", operation: "PostRefundsRefundCancel", id: "refundId", text: "Cancels a refund that waits for the customer (requires_action).", example: `{"refundId":"re_123"}`},
	{name: "listRefunds", operation: "GetRefunds", example: `{"payment_intent":"pi_123"}`},

	{name: "getCharge", operation: "GetChargesCharge", id: "chargeId", example: `{"chargeId":"ch_123"}`},
	{name: "updateCharge", operation: "PostChargesCharge", id: "chargeId", example: `{"chargeId":"ch_123","description":"Order 42"}`},
	{name: "captureCharge", operation: "PostChargesChargeCapture", id: "chargeId", text: "Captures a charge that was made with capture set to false.", example: `{"chargeId":"ch_123"}`},
	{name: "listCharges", operation: "GetCharges", example: `{"customer":"cus_123"}`},
	{name: "searchCharges", operation: "GetChargesSearch", example: `{"query":"amount>1000"}`},

	{name: "createProduct", operation: "PostProducts", example: `{"name":"Gold plan"}`},
	{name: "getProduct", operation: "GetProductsId", id: "productId", example: `{"productId":"prod_123"}`},
	{name: "updateProduct", operation: "PostProductsId", id: "productId", example: `{"productId":"prod_123","active":true}`},
	{name: "deleteProduct", operation: "DeleteProductsId", id: "productId", text: "Deletes a product that has no prices.", example: `{"productId":"prod_123"}`},
	{name: "listProducts", operation: "GetProducts", example: `{"active":true}`},
	{name: "searchProducts", operation: "GetProductsSearch", example: `{"query":"active:'true'"}`},

	{name: "createPrice", operation: "PostPrices", example: `{"currency":"usd","unit_amount":1500,"product":"prod_123","recurring":{"interval":"month"}}`},
	{name: "getPrice", operation: "GetPricesPrice", id: "priceId", example: `{"priceId":"price_456"}`},
	{name: "updatePrice", operation: "PostPricesPrice", id: "priceId", example: `{"priceId":"price_456","nickname":"Gold"}`},
	{name: "listPrices", operation: "GetPrices", example: `{"product":"prod_123"}`},
	{name: "searchPrices", operation: "GetPricesSearch", example: `{"query":"active:'true'"}`},

	{name: "createCheckoutSession", operation: "PostCheckoutSessions", text: "Creates a Checkout session: a page on which a customer pays.", example: `{"mode":"payment","line_items":[{"price":"price_456","quantity":1}],"success_url":"https://example.com/thanks"}`},
	{name: "getCheckoutSession", operation: "GetCheckoutSessionsSession", id: "checkoutSessionId", example: `{"checkoutSessionId":"cs_test_123"}`},
	{name: "expireCheckoutSession", operation: "PostCheckoutSessionsSessionExpire", id: "checkoutSessionId", text: "Expires an open Checkout session, so that nobody can pay on it.", example: `{"checkoutSessionId":"cs_test_123"}`},
	{name: "listCheckoutSessions", operation: "GetCheckoutSessions", example: `{"limit":3}`},
	{name: "listCheckoutSessionLineItems", operation: "GetCheckoutSessionsSessionLineItems", id: "checkoutSessionId", text: "Lists what is bought in a Checkout session.", example: `{"checkoutSessionId":"cs_test_123"}`},

	{name: "createPaymentLink", operation: "PostPaymentLinks", example: `{"line_items":[{"price":"price_456","quantity":1}]}`},
	{name: "getPaymentLink", operation: "GetPaymentLinksPaymentLink", id: "paymentLinkId", text: "Retrieves a payment link.", example: `{"paymentLinkId":"plink_123"}`},
	{name: "updatePaymentLink", operation: "PostPaymentLinksPaymentLink", id: "paymentLinkId", example: `{"paymentLinkId":"plink_123","active":false}`},
	{name: "listPaymentLinks", operation: "GetPaymentLinks", example: `{"active":true}`},
	{name: "listPaymentLinkLineItems", operation: "GetPaymentLinksPaymentLinkLineItems", id: "paymentLinkId", text: "Lists what is sold by a payment link.", example: `{"paymentLinkId":"plink_123"}`},

	// Its URL opens the customer's portal without a password
	// (https://docs.stripe.com/api/customer_portal/sessions).
	{name: "createPortalSession", operation: "PostBillingPortalSessions", text: "Creates a session of the customer portal.", example: `{"customer":"cus_123"}`, sensitive: []string{"url"}},

	{name: "createSetupIntent", operation: "PostSetupIntents", example: `{"customer":"cus_123","usage":"off_session"}`},
	{name: "getSetupIntent", operation: "GetSetupIntentsIntent", id: "setupIntentId", text: "Retrieves a setup intent.", example: `{"setupIntentId":"seti_123"}`},
	{name: "updateSetupIntent", operation: "PostSetupIntentsIntent", id: "setupIntentId", example: `{"setupIntentId":"seti_123","description":"Card of Jane"}`},
	{name: "confirmSetupIntent", operation: "PostSetupIntentsIntentConfirm", id: "setupIntentId", text: "Confirms a setup intent with its payment method, or the one given.", example: `{"setupIntentId":"seti_123","payment_method":"pm_card_visa"}`},
	{name: "cancelSetupIntent", operation: "PostSetupIntentsIntentCancel", id: "setupIntentId", text: "Cancels a setup intent that is not finished.", example: `{"setupIntentId":"seti_123"}`},
	{name: "listSetupIntents", operation: "GetSetupIntents", example: `{"customer":"cus_123"}`},

	{name: "createPaymentMethod", operation: "PostPaymentMethods", example: `{"type":"card","card":{"token":"tok_visa"}}`},
	{name: "getPaymentMethod", operation: "GetPaymentMethodsPaymentMethod", id: "paymentMethodId", example: `{"paymentMethodId":"pm_123"}`},
	{name: "updatePaymentMethod", operation: "PostPaymentMethodsPaymentMethod", id: "paymentMethodId", example: `{"paymentMethodId":"pm_123","billing_details":{"name":"Jane Doe"}}`},
	{name: "attachPaymentMethod", operation: "PostPaymentMethodsPaymentMethodAttach", id: "paymentMethodId", example: `{"paymentMethodId":"pm_card_visa","customer":"cus_123"}`},
	{name: "detachPaymentMethod", operation: "PostPaymentMethodsPaymentMethodDetach", id: "paymentMethodId", example: `{"paymentMethodId":"pm_123"}`},
	{name: "listPaymentMethods", operation: "GetPaymentMethods", text: "Lists payment methods, mostly those of a customer.", example: `{"customer":"cus_123","type":"card"}`},

	{name: "createCoupon", operation: "PostCoupons", text: "Creates a coupon: a percentage or an amount off.", example: `{"percent_off":25,"duration":"once"}`},
	{name: "getCoupon", operation: "GetCouponsCoupon", id: "couponId", example: `{"couponId":"SPRING"}`},
	{name: "updateCoupon", operation: "PostCouponsCoupon", id: "couponId", example: `{"couponId":"SPRING","name":"Spring sale"}`},
	{name: "deleteCoupon", operation: "DeleteCouponsCoupon", id: "couponId", text: "Deletes a coupon; customers who have it keep it.", example: `{"couponId":"SPRING"}`},
	{name: "listCoupons", operation: "GetCoupons", example: `{"limit":3}`},

	{name: "createPromotionCode", operation: "PostPromotionCodes", text: "Creates a code with which customers redeem a coupon.", example: `{"coupon":"SPRING","code":"SPRING25"}`},
	{name: "getPromotionCode", operation: "GetPromotionCodesPromotionCode", id: "promotionCodeId", example: `{"promotionCodeId":"promo_123"}`},
	{name: "updatePromotionCode", operation: "PostPromotionCodesPromotionCode", id: "promotionCodeId", example: `{"promotionCodeId":"promo_123","active":false}`},
	{name: "listPromotionCodes", operation: "GetPromotionCodes", example: `{"active":true}`},

	{name: "getDispute", operation: "GetDisputesDispute", id: "disputeId", example: `{"disputeId":"dp_123"}`},
	{name: "updateDispute", operation: "PostDisputesDispute", id: "disputeId", text: "Updates the evidence of a dispute, and submits it unless submit is false.", example: `{"disputeId":"dp_123","evidence":{"product_description":"A book"},"submit":false}`},
	{name: "closeDispute", operation: "PostDisputesDisputeClose", id: "disputeId", text: "Closes a dispute: it is lost, for good.", example: `{"disputeId":"dp_123"}`},
	{name: "listDisputes", operation: "GetDisputes", example: `{"charge":"ch_123"}`},

	{name: "createPayout", operation: "PostPayouts", text: "Pays money of the balance out to a bank account or a debit card.", example: `{"amount":1000,"currency":"usd"}`},
	{name: "getPayout", operation: "GetPayoutsPayout", id: "payoutId", example: `{"payoutId":"po_123"}`},
	{name: "updatePayout", operation: "PostPayoutsPayout", id: "payoutId", example: `{"payoutId":"po_123","metadata":{"month":"may"}}`},
	{name: "cancelPayout", operation: "PostPayoutsPayoutCancel", id: "payoutId", text: "Cancels a payout that is pending.", example: `{"payoutId":"po_123"}`},
	{name: "reversePayout", operation: "PostPayoutsPayoutReverse", id: "payoutId", text: "Reverses a payout to a US bank account.", example: `{"payoutId":"po_123"}`},
	{name: "listPayouts", operation: "GetPayouts", example: `{"status":"paid"}`},

	{name: "getBalance", operation: "GetBalance", text: "Retrieves the balance of the account.", example: `{}`},
	{name: "getBalanceTransaction", operation: "GetBalanceTransactionsId", id: "balanceTransactionId", example: `{"balanceTransactionId":"txn_123"}`},
	{name: "listBalanceTransactions", operation: "GetBalanceTransactions", text: "Lists what changed the balance of the account.", example: `{"type":"charge"}`},

	{name: "getEvent", operation: "GetEventsId", id: "eventId", text: "Retrieves an event; Stripe keeps events for 30 days.", example: `{"eventId":"evt_123"}`},
	{name: "listEvents", operation: "GetEvents", text: "Lists the events of the last 30 days.", example: `{"type":"payment_intent.succeeded"}`},

	{name: "createAccount", operation: "PostAccounts", text: "Creates a connected account.", example: `{"type":"express","country":"US"}`},
	{name: "getAccount", operation: "GetAccountsAccount", id: "accountId", text: "Retrieves a connected account.", example: `{"accountId":"acct_123"}`},
	{name: "updateAccount", operation: "PostAccountsAccount", id: "accountId", text: "Updates a connected account.", example: `{"accountId":"acct_123","metadata":{"tier":"gold"}}`},
	{name: "deleteAccount", operation: "DeleteAccountsAccount", id: "accountId", text: "Deletes a connected account.", example: `{"accountId":"acct_124"}`},
	{name: "listAccounts", operation: "GetAccounts", text: "Lists connected accounts.", example: `{"limit":3}`},

	{name: "createTransfer", operation: "PostTransfers", text: "Transfers money of the balance to a connected account.", example: `{"amount":400,"currency":"usd","destination":"acct_123"}`},
	{name: "getTransfer", operation: "GetTransfersTransfer", id: "transferId", example: `{"transferId":"tr_123"}`},
	{name: "updateTransfer", operation: "PostTransfersTransfer", id: "transferId", example: `{"transferId":"tr_123","metadata":{"order":"42"}}`},
	{name: "listTransfers", operation: "GetTransfers", example: `{"destination":"acct_123"}`},
}
