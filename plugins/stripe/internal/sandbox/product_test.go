package sandbox

import (
	"net/http"
	"slices"
	"testing"
)

func TestProductsHavePrices(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	made := b.post("/v1/products", "name=Gold&metadata[tier]=1&default_price_data[currency]=USD&default_price_data[unit_amount]=900&default_price_data[recurring][interval]=month&expand[]=default_price")
	b.shows(made, map[string]string{"name": "Gold", "active": "true", "default_price.unit_amount": "900", "default_price.currency": "usd", "default_price.recurring.interval": "month"})
	id := made.text("id")
	b.shows(b.post("/v1/products/"+id, "name=Golden&description=x"), map[string]string{"name": "Golden", "description": "x", "metadata.tier": "1"})
	b.refused(400, "invalid_request_error", http.MethodDelete, "/v1/products/"+id, "")
	b.refused(400, "resource_missing", http.MethodPost, "/v1/prices", "currency=usd&unit_amount=1&product=prod_none")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/prices", "currency=usd&product="+id)
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/prices", "currency=usd&unit_amount=1")
	if got, want := b.events(), []string{"product.created", "plan.created", "price.created", "product.updated", "product.updated"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	empty := b.post("/v1/products", "name=Free&id=prod_free").text("id")
	b.refused(400, "resource_already_exists", http.MethodPost, "/v1/products", "name=Free&id=prod_free")
	b.shows(b.get("/v1/products", "ids[0]=prod_free"), map[string]string{"data.#": "1", "data.0.id": empty})
	b.shows(b.get("/v1/products/search", "query=name~'gold'"), map[string]string{"data.#": "1", "data.0.id": id})
	b.shows(b.del("/v1/products/"+empty), map[string]string{"deleted": "true"})
	b.refused(404, "resource_missing", http.MethodGet, "/v1/products/"+empty, "")
}

func TestPricesAreFoundByTheirLookupKey(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	old := b.post("/v1/prices", "currency=usd&unit_amount=100&product=prod_456&lookup_key=std").text("id")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/prices", "currency=usd&unit_amount=200&product=prod_456&lookup_key=std")
	next := b.post("/v1/prices", "currency=usd&unit_amount=200&product=prod_456&lookup_key=std&transfer_lookup_key=true").text("id")
	b.shows(b.get("/v1/prices", "lookup_keys[0]=std"), map[string]string{"data.#": "1", "data.0.id": next})
	b.shows(b.get("/v1/prices/"+old, ""), map[string]string{"lookup_key": "<null>", "type": "one_time", "recurring": "<null>"})
	b.shows(b.post("/v1/prices/"+old, "active=false&nickname=old"), map[string]string{"active": "false", "nickname": "old"})
	b.shows(b.get("/v1/prices", "active=true&type=one_time&product=prod_456"), map[string]string{"data.#": "1"})
	b.shows(b.get("/v1/prices", "recurring[interval]=month"), map[string]string{"data.#": "1", "data.0.id": "price_456"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/invoiceitems", "customer=cus_123&price="+old)
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions", "customer=cus_123&items[0][price]="+next)
}

func TestTieredAndFractionalPricesAreBilled(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	tiers := "&billing_scheme=tiered&tiers[0][up_to]=5&tiers[0][unit_amount]=700&tiers[1][up_to]=inf&tiers[1][unit_amount]=600&tiers[1][flat_amount]=1000"
	graduated := b.post("/v1/prices", "currency=usd&product=prod_456&recurring[interval]=month&tiers_mode=graduated&expand[]=tiers"+tiers)
	b.shows(graduated, map[string]string{"tiers.#": "2", "tiers.0.up_to": "5", "tiers.1.up_to": "<null>", "tiers.1.flat_amount": "1000", "unit_amount": "<null>"})
	b.shows(b.get("/v1/prices/"+graduated.text("id"), ""), map[string]string{"tiers": "<none>"})
	b.shows(b.subscribe("items[0][quantity]=7&expand[]=latest_invoice&items[0][price]="+graduated.text("id")), map[string]string{
		"latest_invoice.total": "5700", "latest_invoice.lines.data.#": "3", "latest_invoice.lines.data.0.amount": "3500", "latest_invoice.lines.data.2.amount": "1000",
	})
	volume := b.post("/v1/prices", "currency=usd&product=prod_456&recurring[interval]=month&tiers_mode=volume"+tiers).text("id")
	b.shows(b.subscribe("items[0][quantity]=7&expand[]=latest_invoice&items[0][price]="+volume), map[string]string{"latest_invoice.total": "5200"})
	packs := b.post("/v1/prices", "currency=usd&product=prod_456&recurring[interval]=month&unit_amount_decimal=50.5&transform_quantity[divide_by]=10&transform_quantity[round]=up").text("id")
	b.shows(b.subscribe("items[0][quantity]=11&expand[]=latest_invoice&items[0][price]="+packs), map[string]string{"latest_invoice.total": "101"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/prices", "currency=usd&product=prod_456&tiers_mode=volume&billing_scheme=tiered&tiers[0][up_to]=5&tiers[0][unit_amount]=700")
}

// https://docs.stripe.com/billing/subscriptions/coupons.
func TestCouponsTakeOffWhatTheySayForAsLong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, coupon string
		want         []string
	}{
		{"once", "percent_off=25&duration=once", []string{"1500 paid", "2000 paid", "2000 paid", "2000 paid"}},
		{"for two months", "amount_off=500&currency=usd&duration=repeating&duration_in_months=2", []string{"1500 paid", "1500 paid", "2000 paid", "2000 paid"}},
		{"for ever", "percent_off=12.5&duration=forever", []string{"1750 paid", "1750 paid", "1750 paid", "1750 paid"}},
		{"all of it", "percent_off=100&duration=once", []string{"0 paid", "2000 paid", "2000 paid", "2000 paid"}},
		{"another product's", "percent_off=50&duration=forever&applies_to[products][0]=prod_other", []string{"2000 paid", "2000 paid", "2000 paid", "2000 paid"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
			b.post("/v1/products", "id=prod_other&name=Other")
			id := b.post("/v1/coupons", test.coupon).text("id")
			made := b.subscribe("items[0][price]=price_456&coupon=" + id)
			b.pass("92d")
			if got := b.amounts(made.text("id")); !slices.Equal(got, test.want) {
				t.Errorf("invoices %v, want %v", got, test.want)
			}
			b.shows(b.get("/v1/coupons/"+id, ""), map[string]string{"times_redeemed": "1"})
		})
	}
}

func TestACouponIsUsedUp(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/coupons", "id=HALF&percent_off=50&duration=forever&max_redemptions=1")
	b.refused(400, "resource_already_exists", http.MethodPost, "/v1/coupons", "id=HALF&percent_off=50")
	b.refused(400, "resource_missing", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&coupon=NONE")
	made := b.subscribe("items[0][price]=price_456&coupon=HALF&expand[]=latest_invoice.discounts")
	b.shows(made, map[string]string{
		"discount.coupon.id": "HALF", "discount.end": "<null>", "latest_invoice.total": "1000", "latest_invoice.subtotal": "2000",
		"latest_invoice.total_discount_amounts.0.amount": "1000", "latest_invoice.lines.data.0.discount_amounts.0.amount": "1000", "latest_invoice.discounts.0.coupon.id": "HALF",
	})
	b.refused(400, "coupon_expired", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&coupon=HALF")
	b.shows(b.get("/v1/coupons/HALF", ""), map[string]string{"valid": "false"})
	b.shows(b.del("/v1/subscriptions/"+made.text("id")+"/discount"), map[string]string{"deleted": "true"})
	b.shows(b.get("/v1/subscriptions/"+made.text("id"), ""), map[string]string{"discount": "<null>"})
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/coupons", "duration=once")
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/coupons", "amount_off=5")
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/coupons", "percent_off=5&duration=repeating")
}

func TestACustomersDiscountIsForAllInvoices(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/coupons", "id=HALF&percent_off=50&duration=forever")
	b.post("/v1/coupons", "id=ALL&percent_off=100&duration=once")
	before := len(b.events())
	b.shows(b.post("/v1/customers/"+b.customer, "coupon=HALF"), map[string]string{"discount.coupon.id": "HALF", "discount.customer": b.customer})
	b.happened(before, "coupon.updated", "customer.discount.created", "customer.updated")
	b.shows(b.get("/v1/customers/"+b.customer+"/discount", ""), map[string]string{"coupon.id": "HALF"})
	b.shows(b.subscribe("items[0][price]=price_456&expand[]=latest_invoice"), map[string]string{"latest_invoice.total": "1000"})
	b.shows(b.subscribe("items[0][price]=price_456&coupon=ALL&expand[]=latest_invoice"), map[string]string{"latest_invoice.total": "0", "status": "active"})
	b.del("/v1/customers/" + b.customer + "/discount")
	b.refused(404, "resource_missing", http.MethodGet, "/v1/customers/"+b.customer+"/discount", "")
	b.shows(b.subscribe("items[0][price]=price_456&expand[]=latest_invoice"), map[string]string{"latest_invoice.total": "2000"})
	b.refused(400, "resource_missing", http.MethodPost, "/v1/customers", "email=a@b.c&coupon=NONE")
}

func TestPromotionCodesAreUniqueAndRestricted(t *testing.T) {
	t.Parallel()
	b := onClock(t, "2026-04-01T00:00:00Z", "pm_card_visa")
	b.post("/v1/coupons", "id=TEN&percent_off=10&duration=once")
	made := b.post("/v1/promotion_codes", "coupon=TEN&code=Spring&restrictions[first_time_transaction]=true")
	b.refused(400, "resource_already_exists", http.MethodPost, "/v1/promotion_codes", "coupon=TEN&code=SPRING")
	b.shows(b.get("/v1/promotion_codes", "code=spring"), map[string]string{"data.#": "1", "data.0.id": made.text("id"), "data.0.coupon.id": "TEN"})
	b.shows(b.subscribe("items[0][price]=price_456&expand[]=latest_invoice&promotion_code="+made.text("id")), map[string]string{
		"latest_invoice.total": "1800", "status": "active", "latest_invoice.discount.promotion_code": made.text("id"),
	})
	b.shows(b.get("/v1/promotion_codes/"+made.text("id"), ""), map[string]string{"times_redeemed": "1"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&promotion_code="+made.text("id"))
	b.post("/v1/promotion_codes/"+made.text("id"), "active=false")
	b.post("/v1/promotion_codes", "coupon=TEN&code=SPRING")
	b.refused(400, "resource_already_exists", http.MethodPost, "/v1/promotion_codes/"+made.text("id"), "active=true")
	other := b.post("/v1/promotion_codes", "coupon=TEN&customer=cus_123").text("id")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/subscriptions", "customer="+b.customer+"&items[0][price]=price_456&promotion_code="+other)
}

func TestARecurringPriceIsAPlan(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.shows(b.get("/v1/plans/price_456", ""), map[string]string{"object": "plan", "amount": "2000", "interval": "month", "interval_count": "1", "product": "prod_456"})
	b.shows(b.post("/v1/plans", "id=gold&amount=500&currency=usd&interval=week&product[name]=Gold"), map[string]string{"id": "gold", "object": "plan", "amount": "500"})
	b.shows(b.get("/v1/prices/gold", ""), map[string]string{"object": "price", "unit_amount": "500", "recurring.interval": "week"})
	b.shows(b.get("/v1/plans", ""), map[string]string{"data.#": "2", "data.0.object": "plan"})
	b.shows(b.post("/v1/plans/gold", "nickname=x"), map[string]string{"nickname": "x"})
	b.shows(b.del("/v1/plans/gold"), map[string]string{"deleted": "true"})
	b.refused(404, "resource_missing", http.MethodGet, "/v1/plans/gold", "")
}
