package billing_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/plugins/stripe/internal/billing"
)

func decimal(t interface{ Fatal(...any) }, text string) billing.Decimal {
	d, err := billing.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The tables of https://docs.stripe.com/products-prices/pricing-models.
func TestAPriceComesToWhatItsModelSays(t *testing.T) {
	t.Parallel()
	tiers := []billing.Tier{{UpTo: 5, Unit: billing.Whole(700)}, {UpTo: 10, Unit: billing.Whole(650)}, {Unit: billing.Whole(600)}}
	flat := []billing.Tier{
		{UpTo: 5, Unit: billing.Whole(500), Flat: billing.Whole(1000)},
		{UpTo: 10, Unit: billing.Whole(400), Flat: billing.Whole(2000)},
		{Unit: billing.Whole(300), Flat: billing.Whole(3000)},
	}
	for _, test := range []struct {
		name     string
		price    billing.Price
		quantity int64
		want     int64
	}{
		{"a unit", billing.Price{Unit: billing.Whole(2000)}, 1, 2000},
		{"three units", billing.Price{Unit: billing.Whole(2000)}, 3, 6000},
		{"no units", billing.Price{Unit: billing.Whole(2000)}, 0, 0},
		{"fractions add up before they are rounded", billing.Price{Unit: decimal(t, "0.05")}, 30, 2},
		{"half a cent is rounded up", billing.Price{Unit: decimal(t, "0.5")}, 1, 1},
		{"volume, first tier", billing.Price{Tiers: tiers, Volume: true}, 5, 3500},
		{"volume, second tier", billing.Price{Tiers: tiers, Volume: true}, 6, 3900},
		{"volume, last tier", billing.Price{Tiers: tiers, Volume: true}, 20, 12000},
		{"graduated, first tier", billing.Price{Tiers: tiers}, 5, 3500},
		{"graduated, second tier", billing.Price{Tiers: tiers}, 6, 4150},
		{"graduated, last tier", billing.Price{Tiers: tiers}, 20, 12750},
		{"volume with flat amounts", billing.Price{Tiers: flat, Volume: true}, 6, 4400},
		{"graduated with flat amounts", billing.Price{Tiers: flat}, 6, 5900},
		{"graduated with flat amounts, no units", billing.Price{Tiers: flat}, 0, 1000},
		{"packages rounded up", billing.Price{Unit: billing.Whole(500), Divide: 5, RoundUp: true}, 6, 1000},
		{"packages rounded down", billing.Price{Unit: billing.Whole(500), Divide: 5}, 9, 500},
		{"a full package", billing.Price{Unit: billing.Whole(500), Divide: 5, RoundUp: true}, 5, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.price.Amount(test.quantity)
			if err != nil || got != test.want {
				t.Errorf("%d units come to %d, %v; want %d", test.quantity, got, err, test.want)
			}
		})
	}
}

func TestPartsOfAPriceAddUpToItsAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := billing.Price{Volume: rapid.Bool().Draw(t, "volume")}
		end := int64(0)
		for range rapid.IntRange(0, 4).Draw(t, "tiers") {
			end += rapid.Int64Range(1, 1000).Draw(t, "up to")
			price.Tiers = append(price.Tiers, billing.Tier{
				UpTo: end,
				Unit: billing.Whole(rapid.Int64Range(0, 5000).Draw(t, "unit")),
				Flat: billing.Whole(rapid.Int64Range(0, 5000).Draw(t, "flat")),
			})
		}
		price.Tiers = append(price.Tiers, billing.Tier{Unit: billing.Whole(7)})
		quantity := rapid.Int64Range(0, 5000).Draw(t, "quantity")
		parts, err := price.Parts(quantity)
		if err != nil {
			t.Fatal(err)
		}
		amount, err := price.Amount(quantity)
		if err != nil {
			t.Fatal(err)
		}
		units, sum := int64(0), int64(0)
		for _, part := range parts {
			units += part.Quantity
			sum += part.Amount
		}
		if units != quantity || sum != amount {
			t.Fatalf("parts hold %d units and %d; want %d and %d", units, sum, quantity, amount)
		}
	})
}

func TestAnAmountThatIsTooLargeIsAnError(t *testing.T) {
	t.Parallel()
	price := billing.Price{Unit: billing.Whole(99_999_999)}
	if amount, err := price.Amount(1 << 62); !errors.Is(err, billing.ErrAmount) {
		t.Errorf("it comes to %d, %v", amount, err)
	}
}

func TestDecimalsAreKeptExactly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2000": "2000", "0.50": "0.5", "0.000000000001": "0.000000000001", "007": "7", "-1.10": "-1.1", "0": "0",
	} {
		if got := decimal(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", ".", "1.", ".5", "1e3", "0.0000000000001", "1,5", "--1", "+1", "1/2", "0x10", "1_000", " 1", "9999999999999999999"} {
		if d, err := billing.ParseDecimal(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"2000", "0.50", "-1.10", "1e3", "0.000000000001", ".", "1/2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := billing.ParseDecimal(text)
		if err != nil {
			return
		}
		again, err := billing.ParseDecimal(d.String())
		if err != nil || again.String() != d.String() {
			t.Errorf("%q is %s, and that is %s, %v", text, d, again, err)
		}
	})
}
