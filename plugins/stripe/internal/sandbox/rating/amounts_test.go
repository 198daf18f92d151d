package rating_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
)

// The example of https://docs.stripe.com/billing/subscriptions/prorations: half
// of a month of 10 USD is given back, half of one of 20 USD is charged.
func TestAnUpgradeInMidPeriodCostsHalfTheDifference(t *testing.T) {
	t.Parallel()
	start, end := at(t, "2026-04-01T00:00:00"), at(t, "2026-05-01T00:00:00")
	middle := at(t, "2026-04-16T00:00:00")
	credit, err := rating.Prorate(-1000, middle, end, start, end)
	if err != nil || credit != -500 {
		t.Errorf("the credit is %d, %v", credit, err)
	}
	charge, err := rating.Prorate(2000, middle, end, start, end)
	if err != nil || charge != 1000 {
		t.Errorf("the charge is %d, %v", charge, err)
	}
}

func TestProrationsOfAPeriodAddUpToItsAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(-99_999_999, 99_999_999).Draw(t, "amount")
		start := rapid.Int64Range(0, 4102444800).Draw(t, "start")
		length := rapid.Int64Range(1, 3*366*86400).Draw(t, "length")
		cuts := rapid.SliceOfN(rapid.Int64Range(start, start+length), 0, 10).Draw(t, "cuts")
		cuts = append(cuts, start, start+length)
		slices.Sort(cuts)
		sum := int64(0)
		for i := range cuts[1:] {
			part, err := rating.Prorate(amount, cuts[i], cuts[i+1], start, start+length)
			if err != nil {
				t.Fatal(err)
			}
			back, err := rating.Prorate(-amount, cuts[i], cuts[i+1], start, start+length)
			if err != nil || back != -part {
				t.Fatalf("%d is charged and %d given back, %v", part, back, err)
			}
			sum += part
		}
		// Each part is rounded by half a unit at most.
		if off := sum - amount; 2*max(off, -off) > int64(len(cuts)-1) {
			t.Fatalf("%d parts of %d add up to %d", len(cuts)-1, amount, sum)
		}
	})
}

func TestNothingIsProratedOutsideThePeriod(t *testing.T) {
	t.Parallel()
	for _, span := range [][2]int64{{0, 50}, {250, 300}, {150, 150}, {180, 120}} {
		if got, err := rating.Prorate(1000, span[0], span[1], 100, 200); err != nil || got != 0 {
			t.Errorf("%v has a share of %d, %v", span, got, err)
		}
	}
	if got, err := rating.Prorate(1000, 0, 300, 100, 200); err != nil || got != 1000 {
		t.Errorf("the whole period has a share of %d, %v", got, err)
	}
	if got, err := rating.Prorate(1000, 100, 100, 100, 100); err != nil || got != 0 {
		t.Errorf("no period has a share of %d, %v", got, err)
	}
}

func TestACouponTakesOffWhatItSays(t *testing.T) {
	t.Parallel()
	lines := []rating.Line{
		{Amount: 2000, Product: "prod_a", Discountable: true},
		{Amount: 1000, Product: "prod_b", Discountable: true},
		{Amount: 500, Product: "prod_a"},
		{Amount: -300, Product: "prod_a", Discountable: true},
	}
	for _, test := range []struct {
		name   string
		coupon rating.Coupon
		want   []int64
	}{
		{"25.5 percent", rating.Coupon{Percent: decimal(t, "25.5")}, []int64{510, 255, 0, 0}},
		{"all", rating.Coupon{Percent: rating.Whole(100)}, []int64{2000, 1000, 0, 0}},
		{"of one product", rating.Coupon{Percent: rating.Whole(50), Products: []string{"prod_b"}}, []int64{0, 500, 0, 0}},
		{"of a product that is not there", rating.Coupon{Percent: rating.Whole(50), Products: []string{"prod_c"}}, []int64{0, 0, 0, 0}},
		{"an amount, spread in proportion", rating.Coupon{Amount: 100}, []int64{67, 33, 0, 0}},
		{"an amount of more than there is", rating.Coupon{Amount: 9000}, []int64{2000, 1000, 0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := test.coupon.Check(); err != nil {
				t.Fatal(err)
			}
			got, err := test.coupon.Off(lines)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("it takes off %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestWhatACouponTakesOffTheLinesAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(0, 100_000), 1, 12).Draw(t, "amounts")
		lines := make([]rating.Line, len(amounts))
		sum := int64(0)
		for i, amount := range amounts {
			lines[i] = rating.Line{Amount: amount, Discountable: true}
			sum += amount
		}
		off := rapid.Int64Range(1, 200_000).Draw(t, "off")
		got, err := rating.Coupon{Amount: off}.Off(lines)
		if err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		for i, part := range got {
			if part < 0 || part > amounts[i] {
				t.Fatalf("%d is taken off a line of %d", part, amounts[i])
			}
			total += part
		}
		if total != min(off, sum) {
			t.Fatalf("%d is taken off %d, want %d", total, sum, min(off, sum))
		}
	})
}

func TestACouponHasEitherAPercentageOrAnAmount(t *testing.T) {
	t.Parallel()
	for _, coupon := range []rating.Coupon{
		{}, {Percent: rating.Whole(10), Amount: 5}, {Percent: decimal(t, "100.01")}, {Percent: rating.Whole(-1)}, {Amount: -1},
	} {
		if coupon.Check() == nil {
			t.Errorf("%+v is taken", coupon)
		}
	}
}

func TestADiscountLastsAsLongAsItsCouponSays(t *testing.T) {
	t.Parallel()
	start := at(t, "2026-11-30T09:00:00")
	if end, ends := (rating.Duration{Kind: "repeating", Months: 3}).End(start); !ends || end != at(t, "2027-02-28T09:00:00") {
		t.Errorf("three months end at %d, %v", end, ends)
	}
	for _, kind := range []string{"once", "forever"} {
		if end, ends := (rating.Duration{Kind: kind}).End(start); ends {
			t.Errorf("%s ends at %d", kind, end)
		}
	}
}

// https://docs.stripe.com/billing/customer/balance: a credit is used up first,
// a debt is collected, and what is too little to charge becomes a debt.
func TestAnInvoiceIsDueAfterDiscountsAndBalance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		lines, off []int64
		balance    int64
		total      int64
		due        int64
		ending     int64
	}{
		{"nothing to take off", []int64{2000}, nil, 0, 2000, 2000, 0},
		{"a discount", []int64{2000, 1000}, []int64{500, 250}, 0, 2250, 2250, 0},
		{"a credit that is used up", []int64{2000}, nil, -500, 2000, 1500, 0},
		{"a credit of more", []int64{2000}, nil, -5000, 2000, 0, -3000},
		{"a debt", []int64{2000}, nil, 300, 2000, 2300, 0},
		{"a credit from a downgrade", []int64{-1000, 400}, nil, 0, -600, 0, -600},
		{"too little to charge", []int64{30}, nil, 0, 30, 0, 30},
		{"just enough to charge", []int64{50}, nil, 0, 50, 50, 0},
		{"nothing, with a debt", []int64{0}, nil, 700, 0, 0, 700},
		{"nothing, with a credit", []int64{0}, nil, -700, 0, 0, -700},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := rating.Sum(test.lines, test.off, test.balance, 50)
			if got.Total != test.total || got.AmountDue != test.due || got.EndingBalance != test.ending {
				t.Errorf("got %+v", got)
			}
			if got.Total+got.StartingBalance != got.AmountDue+got.EndingBalance {
				t.Errorf("money is lost: %+v", got)
			}
		})
	}
}
