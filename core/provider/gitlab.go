package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// gitlabScheme is how GitLab shows the webhook's secret token:
// https://docs.gitlab.com/user/project/integrations/webhooks/#validate-payloads-by-using-a-secret-token.
// Idempotency-Key is the same in every repeat; GitLab before 17.4 has none.
var gitlabScheme = scheme{
	name: "gitlab", page: "https://docs.gitlab.com/user/project/integrations/webhooks/",
	header: "X-Gitlab-Token", token: true,
	id: inHeader("Idempotency-Key").or(ofBody()), kind: inPayload("object_kind").or(inPayload("event_name")), action: "object_attributes.action",
}

// gitlab verifies by the webhook's secret token, or by its signing token, by which GitLab
// signs as Standard Webhooks do. A signing token begins with whsec_.
func gitlab() Provider {
	p := gitlabScheme.provider()
	p.Headers = append(p.Headers, "webhook-signature", "webhook-id", "webhook-timestamp")
	p.NewSecret = func() string { return inHex.encode(randomBytes(32)) }
	p.Verify = func(ctx context.Context, received sdk.WebhookRequest) (Verified, error) {
		r := &request{received}
		signing := slices.DeleteFunc(slices.Clone(r.Secrets), func(s string) bool { return !strings.HasPrefix(s, standardSecret) })
		if len(signing) == 0 || r.words("webhook-signature", "") == nil {
			return gitlabScheme.verify(ctx, received)
		}
		r.Secrets = signing
		id, err := r.checkStandard()
		if err != nil {
			return Verified{}, err
		}
		verified, err := gitlabScheme.event(r, nil)
		verified.ID, verified.NoID, verified.Content = id, "", nil
		return verified, err
	}
	return p
}
