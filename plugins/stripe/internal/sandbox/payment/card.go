package payment

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// authentication says when a card asks its holder; zero is never.
type authentication int

const (
	// always: at each payment.
	always authentication = iota + 1
	// unlessSetUp: unless the card was set up for later payments.
	unlessSetUp
	// onSession: at payments in the customer's presence; it counts as set up.
	onSession
)

// card is one of Stripe's test cards (https://docs.stripe.com/testing).
type card struct {
	number string
	// names are those after "pm_card_" and "tok_".
	names   []string
	brand   string
	funding string
	country string

	asks authentication
	// decline is why charges fail, empty where they succeed.
	decline string
	// attaches says that it can be attached all the same.
	attaches bool
	// refund is how refunds end: "pending" ones succeed later, "failed" ones fail later.
	refund string
	// available says that payments need not wait to be paid out.
	available bool
}

// cards are the test cards that the sandbox knows. Those that lead to a dispute are
// found by TestCard.
func cards() []card {
	return []card{
		{number: "4242424242424242", names: []string{"visa", "us"}, brand: "visa"},
		{number: "4000056655665556", names: []string{"visa_debit"}, brand: "visa", funding: "debit"},
		{number: "5555555555554444", names: []string{"mastercard"}, brand: "mastercard"},
		{number: "2223003122003222", brand: "mastercard"},
		{number: "5200828282828210", names: []string{"mastercard_debit"}, brand: "mastercard", funding: "debit"},
		{number: "5105105105105100", names: []string{"mastercard_prepaid"}, brand: "mastercard", funding: "prepaid"},
		{number: "378282246310005", names: []string{"amex", "amex_threeDSecureNotSupported"}, brand: "amex"},
		{number: "371449635398431", brand: "amex"},
		{number: "6011111111111117", names: []string{"discover"}, brand: "discover"},
		{number: "6011000990139424", brand: "discover"},
		{number: "6011981111111113", names: []string{"discover_debit"}, brand: "discover", funding: "debit"},
		{number: "3056930009020004", names: []string{"diners"}, brand: "diners"},
		{number: "36227206271667", brand: "diners"},
		{number: "3566002020360505", names: []string{"jcb"}, brand: "jcb"},
		{number: "6200000000000005", names: []string{"unionpay"}, brand: "unionpay"},
		{number: "4000000760000002", names: []string{"br"}, brand: "visa", country: "BR"},
		{number: "4000001240000000", names: []string{"ca"}, brand: "visa", country: "CA"},
		{number: "4000004840008001", names: []string{"mx"}, brand: "visa", country: "MX"},
		{number: "4000000400000008", names: []string{"at"}, brand: "visa", country: "AT"},
		{number: "4000002500000003", names: []string{"fr"}, brand: "visa", country: "FR"},
		{number: "4000002760000016", names: []string{"de"}, brand: "visa", country: "DE"},
		{number: "4000008260000000", names: []string{"gb"}, brand: "visa", country: "GB"},
		{number: "4000000360000006", names: []string{"au"}, brand: "visa", country: "AU"},
		{number: "4000003920000003", names: []string{"jp"}, brand: "visa", country: "JP"},

		{number: "4000000000000002", names: []string{"visa_chargeDeclined", "chargeDeclined"}, brand: "visa", decline: "generic_decline"},
		{number: "4000000000009995", names: []string{"visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"}, brand: "visa", decline: "insufficient_funds"},
		{number: "4000000000009987", names: []string{"visa_chargeDeclinedLostCard", "chargeDeclinedLostCard"}, brand: "visa", decline: "lost_card"},
		{number: "4000000000009979", names: []string{"visa_chargeDeclinedStolenCard", "chargeDeclinedStolenCard"}, brand: "visa", decline: "stolen_card"},
		{number: "4000000000000069", names: []string{"chargeDeclinedExpiredCard"}, brand: "visa", decline: "expired_card"},
		{number: "4000000000000127", names: []string{"chargeDeclinedIncorrectCvc"}, brand: "visa", decline: "incorrect_cvc"},
		{number: "4000000000000119", names: []string{"chargeDeclinedProcessingError"}, brand: "visa", decline: "processing_error"},
		{number: "4000000000006975", names: []string{"visa_chargeDeclinedVelocityLimitExceeded", "chargeDeclinedVelocityLimitExceeded"}, brand: "visa", decline: "card_velocity_exceeded"},
		{number: "4100000000000019", names: []string{"radarBlock", "chargeDeclinedFraudulent"}, brand: "visa", decline: "fraudulent", attaches: true},
		{number: "4000000000000341", names: []string{"chargeCustomerFail", "visa_chargeCustomerFail"}, brand: "visa", decline: "generic_decline", attaches: true},

		{number: "4000000000003220", names: []string{"threeDSecure2Required"}, brand: "visa", asks: always},
		{number: "4000000000003063", names: []string{"threeDSecureRequired"}, brand: "visa", asks: always},
		{number: "4000008400001629", names: []string{"threeDSecureRequiredChargeDeclined"}, brand: "visa", asks: always, decline: "generic_decline", attaches: true},
		{number: "4000008400001280", names: []string{"threeDSecureRequiredProcessingError"}, brand: "visa", asks: always, decline: "processing_error", attaches: true},
		{number: "4000000000003055", names: []string{"threeDSecureOptional"}, brand: "visa"},
		{number: "4000002500003155", names: []string{"authenticationRequiredOnSetup"}, brand: "visa", country: "FR", asks: unlessSetUp},
		{number: "4000002760003184", names: []string{"authenticationRequired"}, brand: "visa", country: "DE", asks: always},
		{number: "4000003800000446", names: []string{"authenticationRequiredSetupForOffSession"}, brand: "visa", country: "IT", asks: onSession},
		{number: "4000008260003178", names: []string{"authenticationRequiredChargeDeclinedInsufficientFunds"}, brand: "visa", country: "GB", asks: always, decline: "insufficient_funds", attaches: true},

		{number: "4000000000000259", names: []string{"createDispute"}, brand: "visa"},
		{number: "4000000000002685", names: []string{"createDisputeProductNotReceived"}, brand: "visa"},
		{number: "4000000000001976", names: []string{"createDisputeInquiry"}, brand: "visa"},
		{number: "4000000000005423", names: []string{"createIssuerFraudRecord"}, brand: "visa"},

		{number: "4000000000007726", names: []string{"pendingRefund"}, brand: "visa", refund: "pending"},
		{number: "4000000000005126", names: []string{"refundFail"}, brand: "visa", refund: "failed"},
		{number: "4000000000000077", names: []string{"bypassPending"}, brand: "visa", available: true},
		{number: "4000003720000278", names: []string{"bypassPendingInternational"}, brand: "visa", country: "IE", available: true},
	}
}

// fingerprint tells cards apart, as Stripe's does. It is the only thing in an object by
// which the sandbox knows the test card again.
func (c card) fingerprint() string {
	sum := sha256.Sum256([]byte("card " + c.number))
	return strings.NewReplacer("-", "a", "_", "b").Replace(base64.RawURLEncoding.EncodeToString(sum[:12]))
}

func (c card) last4() string { return c.number[len(c.number)-4:] }

// find returns the first card that a function chooses.
func find(choose func(card) bool) (card, bool) {
	for _, c := range cards() {
		if choose(c) {
			if c.funding == "" {
				c.funding = "credit"
			}
			if c.country == "" {
				c.country = "US"
			}
			return c, true
		}
	}
	return card{}, false
}

func cardNumbered(number string) (card, bool) {
	return find(func(c card) bool { return c.number == number })
}

// cardNamed finds a card by a name such as "pm_card_visa" or "tok_visa".
func cardNamed(name string) (card, bool) {
	short, ok := strings.CutPrefix(name, "pm_card_")
	if !ok {
		if short, ok = strings.CutPrefix(name, "tok_"); !ok {
			return card{}, false
		}
	}
	return find(func(c card) bool {
		for _, one := range c.names {
			if one == short {
				return true
			}
		}
		return false
	})
}

func cardPrinted(fingerprint string) (card, bool) {
	return find(func(c card) bool { return c.fingerprint() == fingerprint })
}

// TestCard returns the name of the test card that a charge was made with, such as
// "createDispute", the first where it has several; empty for one without a name.
func TestCard(charge Object) string {
	c, ok := cardPrinted(charge.Object("payment_method_details").Object("card").Text("fingerprint"))
	if !ok || len(c.names) == 0 {
		return ""
	}
	return c.names[0]
}

// luhn says whether the last digit of a number is right (ISO/IEC 7812-1).
func luhn(number string) bool {
	sum, double := 0, false
	for i := len(number) - 1; i >= 0; i-- {
		d := int(number[i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return len(number) >= 12 && sum%10 == 0
}
