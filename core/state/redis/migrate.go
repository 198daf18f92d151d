package redis

import (
	"context"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// formatVersion is the version of the layout in keys.go. Migrations from older
// versions belong here.
const formatVersion = 1

// migrate marks an empty prefix with the format, and refuses one that a newer
// version has written.
func migrate(ctx context.Context, client *goredis.Client, k keys) error {
	if err := client.SetNX(ctx, k.format(), formatVersion, 0).Err(); err != nil {
		return err
	}
	text, err := client.Get(ctx, k.format()).Result()
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 1 {
		return unfit("key %s holds %q, which is no format version", k.format(), text)
	}
	if version > formatVersion {
		return unfit("the state has format %d, written by a newer version; this one knows up to %d", version, formatVersion)
	}
	return nil
}
