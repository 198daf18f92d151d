package shop

import (
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/internal/testkit/postgrestest"
)

// promises are what the shop does, checked one after the other on one gateway.
var promises = []promise{
	{"a checkout takes an order and its payment", aCheckoutTakesAnOrderAndItsPayment},
	{"orders of a new customer at once make one customer at Stripe", ordersOfANewCustomerAtOnceMakeOneCustomerAtStripe},
	{"a repeated checkout charges once", aRepeatedCheckoutChargesOnce},
	{"a decline ends the order as declined", aDeclineEndsTheOrderAsDeclined},
	{"an input that does not fit starts nothing", anInputThatDoesNotFitStartsNothing},
	{"a refused review refunds the payment and cancels the order", aRefusedReviewRefundsThePaymentAndCancelsTheOrder},
	{"an approved review leaves the order paid", anApprovedReviewLeavesTheOrderPaid},
	{"a cancelled checkout is undone however far it has come", aCancelledCheckoutIsUndoneHoweverFarItHasCome},
	{"a customer whom the bank asks pays later", aCustomerWhomTheBankAsksPaysLater},
	{"a refund is whole or in part and never too much", aRefundIsWholeOrInPartAndNeverTooMuch},
	{"refunds of one order at once are made one after the other", refundsOfOneOrderAtOnceAreMadeOneAfterTheOther},
	{"only what was paid is refunded", onlyWhatWasPaidIsRefunded},
	{"the revenue is what was paid and not given back", theRevenueIsWhatWasPaidAndNotGivenBack},
	{"what is done at Stripe reaches the order", whatIsDoneAtStripeReachesTheOrder},
	{"a dispute is seen until it is won or lost", aDisputeIsSeenUntilItIsWonOrLost},
	{"payments of other systems are ignored", paymentsOfOtherSystemsAreIgnored},
	{"the order of events does not matter", theOrderOfEventsDoesNotMatter},
	{"each token may do what its holder needs", eachTokenMayDoWhatItsHolderNeeds},
	{"nobody does what the tables of the config do not name", nobodyDoesWhatTheTablesOfTheConfigDoNotName},
}

// longPromises take long, and come last: one changes the config, one kills the gateway.
var longPromises = []promise{
	{"what no event has reported is found at night", whatNoEventHasReportedIsFoundAtNight},
	{"a crash in the middle of a payment charges once", aCrashInTheMiddleOfAPaymentChargesOnce},
}

// promise is one of them, and its check.
type promise struct {
	name  string
	check func(s *shop)
}

// TestTheShop: every promise, on every database that the shop is for.
func TestTheShop(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		keepsItsPromises(t, "")
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		keepsItsPromises(t, postgrestest.New(t).URL())
	})
	t.Run("mariadb", func(t *testing.T) {
		testkit.Long(t)
		t.Parallel()
		keepsItsPromises(t, mariadbtest.New(t).URL())
	})
}

func keepsItsPromises(t *testing.T, database string) {
	t.Helper()
	s := open(t, database, letIn(t))
	for i, p := range promises {
		t.Run(p.name, func(t *testing.T) { p.check(s.in(t, i)) })
	}
	for i, p := range longPromises {
		t.Run(p.name, func(t *testing.T) {
			testkit.Long(t)
			p.check(s.in(t, len(promises)+i))
		})
	}
}
