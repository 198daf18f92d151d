package event

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"time"
)

// UID is the gateway's own id of the event, which no other event has: "ev_", the time
// of its receipt in milliseconds, and what stands for its webhook and the sender's id.
// It is safe in a path, and the event is found by it without a record for that.
func (e *Event) UID() string {
	sum := sha256.Sum256([]byte(recordID(e.Webhook, e.ID)))
	return "ev_" + strconv.FormatInt(e.ReceivedAt.UnixMilli(), 16) + "_" + hex.EncodeToString(sum[:8])
}

var uidPattern = regexp.MustCompile(`^ev_([0-9a-f]{1,12})_[0-9a-f]{16}$`)

// uidTime returns when the event of a uid was received; false for what is no uid.
func uidTime(text string) (at time.Time, ok bool) {
	parts := uidPattern.FindStringSubmatch(text)
	if parts == nil {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(parts[1], 16, 64)
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}
