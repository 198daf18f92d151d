package sandbox

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/billing"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/checkout"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/connect"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/dispute"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payout"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// modules are the areas that the sandbox knows. Seeds run in this order.
func modules() resource.Module {
	return resource.Join(
		endpoints(),
		payment.Module(),
		billing.Module(),
		dispute.Module(),
		payout.Module(),
		connect.Module(),
		checkout.Module(),
	)
}
