package store

import "strings"

// Object is one stored object. Ids are unique within account and kind.
type Object struct {
	Account, Kind, ID string
	// Created is in Unix seconds.
	Created int64
	// Gone marks what is left of a deleted object: it can be read, and is in no list.
	Gone bool
	// Data is the object as JSON.
	Data []byte
}

// Find reads an object.
func (t *Tx) Find(account, kind, id string) (Object, bool) {
	o := Object{Account: account, Kind: kind, ID: id}
	found := t.row("SELECT created, gone, data FROM objects WHERE account = ? AND kind = ? AND id = ?", []any{account, kind, id}, &o.Created, &o.Gone, &o.Data)
	return o, found
}

// Identify returns the kinds of the objects that have an id.
func (t *Tx) Identify(account, id string) []string {
	var kinds []string
	t.rows("SELECT kind FROM objects WHERE account = ? AND id = ?", []any{account, id}, func(scan func(...any) error) (bool, error) {
		var kind string
		err := scan(&kind)
		kinds = append(kinds, kind)
		return true, err
	})
	return kinds
}

// Put stores an object: a new one after all others, a known one in its place.
func (t *Tx) Put(o Object) {
	t.exec(`INSERT INTO objects (account, kind, id, created, gone, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, id, kind) DO UPDATE SET created = excluded.created, gone = excluded.gone, data = excluded.data`,
		o.Account, o.Kind, o.ID, o.Created, o.Gone, string(o.Data))
}

// Remove forgets an object.
func (t *Tx) Remove(account, kind, id string) {
	t.exec("DELETE FROM objects WHERE account = ? AND kind = ? AND id = ?", account, kind, id)
}

// Place returns an object's place in the order of creation.
func (t *Tx) Place(account, kind, id string) (int64, bool) {
	var seq int64
	found := t.row("SELECT seq FROM objects WHERE account = ? AND kind = ? AND id = ? AND gone = 0", []any{account, kind, id}, &seq)
	return seq, found
}

// Scan says which objects to read, and in which order.
type Scan struct {
	Account, Kind string
	// Before and After are exclusive bounds of the place; zero means none.
	Before, After int64
	// OldestFirst turns the order round, which is newest first.
	OldestFirst bool
	// Equal maps dotted paths in the data to the text that must be there.
	Equal map[string]string
}

// Scan reads objects while each returns true. Place is each one's place in the
// order of creation. Each may not use the transaction.
func (t *Tx) Scan(s Scan, each func(place int64, data []byte) bool) {
	query := "SELECT seq, data FROM objects WHERE account = ? AND kind = ? AND gone = 0"
	args := []any{s.Account, s.Kind}
	if s.Before != 0 {
		query, args = query+" AND seq < ?", append(args, s.Before)
	}
	if s.After != 0 {
		query, args = query+" AND seq > ?", append(args, s.After)
	}
	for path, value := range s.Equal {
		query, args = query+" AND json_extract(data, ?) = ?", append(args, jsonPath(path), value)
	}
	query += " ORDER BY seq"
	if !s.OldestFirst {
		query += " DESC"
	}
	t.rows(query, args, func(scan func(...any) error) (bool, error) {
		var place int64
		var data []byte
		err := scan(&place, &data)
		return err == nil && each(place, data), err
	})
}

func jsonPath(dotted string) string {
	return `$."` + strings.ReplaceAll(dotted, ".", `"."`) + `"`
}

// All reads the objects of a kind in all accounts, oldest first.
func (t *Tx) All(kind string) []Object {
	var all []Object
	t.rows("SELECT account, id, created, data FROM objects WHERE kind = ? AND gone = 0 ORDER BY seq", []any{kind}, func(scan func(...any) error) (bool, error) {
		o := Object{Kind: kind}
		err := scan(&o.Account, &o.ID, &o.Created, &o.Data)
		all = append(all, o)
		return true, err
	})
	return all
}

// Count counts the objects of a kind in all accounts, of every kind when it is empty.
func (t *Tx) Count(kind string) int64 {
	var n int64
	t.row("SELECT count(*) FROM objects WHERE ? IN ('', kind)", []any{kind}, &n)
	return n
}

// Counts counts the objects of each kind in all accounts.
func (t *Tx) Counts() map[string]int64 {
	counts := map[string]int64{}
	t.rows("SELECT kind, count(*) FROM objects WHERE gone = 0 GROUP BY kind", nil, func(scan func(...any) error) (bool, error) {
		var kind string
		var n int64
		err := scan(&kind, &n)
		counts[kind] = n
		return true, err
	})
	return counts
}

// Trim forgets the objects of a kind that are older than the newest keep, over
// all accounts, and those created before a time (Unix seconds).
func (t *Tx) Trim(kind string, keep int, before int64) {
	t.exec(`DELETE FROM objects WHERE kind = ?1 AND (created < ?3 OR
		seq <= (SELECT seq FROM objects WHERE kind = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2))`, kind, keep, before)
}

// Sum is the sum of a field over the objects that agree in two others.
type Sum struct {
	By  [2]string
	Sum int64
}

// Sums sums up a field of the objects of a kind by two others, of which each holds
// text, in the order in which their values came first.
func (t *Tx) Sums(account, kind, field string, by [2]string) []Sum {
	var sums []Sum
	t.rows(`SELECT json_extract(data, ?1), json_extract(data, ?2), sum(json_extract(data, ?3)) FROM objects
		WHERE account = ?4 AND kind = ?5 AND gone = 0 GROUP BY 1, 2 ORDER BY min(seq)`,
		[]any{jsonPath(by[0]), jsonPath(by[1]), jsonPath(field), account, kind}, func(scan func(...any) error) (bool, error) {
			var sum Sum
			err := scan(&sum.By[0], &sum.By[1], &sum.Sum)
			sums = append(sums, sum)
			return true, err
		})
	return sums
}
