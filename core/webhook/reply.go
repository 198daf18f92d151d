package webhook

import (
	"mime"
	"strings"

	"github.com/backflow/backflow/core/provider"
)

// plainText is the type of a reply that gives none that may be sent.
const plainText = "text/plain; charset=utf-8"

// safeReply is the reply that a provider wants. What it replies with may repeat what was
// sent, so it is text where it claims to be a page.
func safeReply(r *provider.Reply) *provider.Reply {
	if r == nil || r.ContentType == "" && len(r.Body) == 0 {
		return r
	}
	if typ, _, err := mime.ParseMediaType(r.ContentType); err == nil && !isPage(typ) {
		return r
	}
	return &provider.Reply{Status: r.Status, ContentType: plainText, Body: r.Body}
}

// isPage reports whether a browser runs what is in documents of a media type.
func isPage(typ string) bool {
	switch typ {
	case "text/html", "application/xhtml+xml", "image/svg+xml", "text/xsl", "application/xslt+xml", "multipart/x-mixed-replace":
		return true
	default:
		return strings.HasSuffix(typ, "/javascript") || strings.HasSuffix(typ, "/ecmascript")
	}
}
