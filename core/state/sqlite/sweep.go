package sqlite

import "fmt"

// One round of upkeep is small, so that commits that arrive meanwhile wait only
// milliseconds.
const (
	sweepRecords = 500
	vacuumPages  = 512
	// keepFree is how many free pages stay in the file for reuse.
	keepFree = 2048
)

// sweep removes some expired records, which reads and conditions no longer see,
// and gives free pages back to the file system.
func (w *writer) sweep() {
	if err := w.removeExpired(); err != nil {
		w.abandon()
		w.logger.Warn("expired records could not be removed", "error", err)
		return
	}
	if err := w.vacuum(); err != nil {
		w.logger.Warn("free pages could not be given back", "error", err)
	}
}

func (w *writer) removeExpired() error {
	now := w.now().UnixMilli()
	expired, err := w.c.integer(fmt.Sprintf(
		"SELECT EXISTS (SELECT 1 FROM record WHERE expires <= %d)", now))
	if err != nil || expired == 0 {
		return err
	}
	// What the cache holds of these records says that they are expired, too.
	return w.c.exec(fmt.Sprintf(`DELETE FROM record WHERE (bucket, id) IN
		(SELECT bucket, id FROM record WHERE expires <= %d ORDER BY expires LIMIT %d)`, now, sweepRecords))
}

func (w *writer) vacuum() error {
	free, err := w.c.integer("PRAGMA freelist_count")
	if err != nil || free <= keepFree {
		return err
	}
	return w.c.exec(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", min(free-keepFree, vacuumPages)))
}
