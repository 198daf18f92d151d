package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// ledger is one file. Each row is one line, because no value holds a line's end, so
// that what a crash has left half-written is what follows the last line's end.
type ledger struct {
	root    *os.Root
	name    string
	columns []string

	mu sync.Mutex // guards what follows, and makes this process write one row at a time
	// size is how much of the file has been looked at: it holds rows rows, and
	// these keys with their rows. Others may have appended since.
	size int64
	rows int
	keys map[string]int
}

// append adds a row, unless it is there under that key, and returns its number.
func (l *ledger) append(row map[string]string, key string) (number int, err error) {
	for column := range row {
		if !slices.Contains(l.columns, column) {
			e := sdk.Refuse(sdk.CodeInvalidParams, "%s has no column %q", l.name, column)
			e.Faults = []sdk.Fault{{Pointer: pointer.Join("/row", column), Message: "is no column"}}
			return 0, e
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := l.open()
	if err != nil {
		return 0, unavailable(err)
	}
	defer func() { _ = file.Close() }() // what matters was synced; the lock ends with it
	if err := l.catchUp(file); err != nil {
		return 0, unavailable(err)
	}
	if number, repeated := l.keys[key]; repeated && key != "" {
		return number, nil
	}
	line := l.line(row, key)
	if l.size == 0 {
		line = append(encode(append(slices.Clone(l.columns), keyColumn)), line...)
	}
	if err := l.write(file, line); err != nil {
		return 0, err
	}
	if err := l.catchUp(file); err != nil {
		return 0, sdk.Fail(sdk.CodeInternal, "%v", err)
	}
	return l.rows, nil
}

// write puts a line behind what is known of the file, on the disk before it
// returns. What follows that is half a line of a crash, and is cut off.
func (l *ledger) write(file *os.File, line []byte) error {
	if err := file.Truncate(l.size); err != nil {
		return unavailable(err)
	}
	if _, err := file.WriteAt(line, l.size); err != nil {
		if cut := file.Truncate(l.size); cut != nil {
			return sdk.Fail(sdk.CodeUnavailable, "%v", errors.Join(err, cut)).Later(0)
		}
		return unavailable(err)
	}
	err := file.Sync()
	if err == nil && l.size == 0 {
		err = l.syncDirectory() // else a new file may not be there after a crash
	}
	if err != nil {
		return sdk.Fail(sdk.CodeUnavailable, "%v", err).Later(0)
	}
	return nil
}

func (l *ledger) syncDirectory() error {
	directory, err := l.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// read returns rows after a number, and whether there are more.
func (l *ledger) read(after, limit int) (found []map[string]string, more bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := l.open()
	if err != nil {
		return nil, false, unavailable(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	if err := l.catchUp(file); err != nil {
		return nil, false, unavailable(err)
	}
	reader := csv.NewReader(io.NewSectionReader(file, 0, l.size))
	if l.size > 0 {
		if _, err := reader.Read(); err != nil {
			return nil, false, unavailable(err)
		}
	}
	for number := 1; number <= l.rows; number++ {
		record, err := reader.Read()
		if err != nil {
			return nil, false, unavailable(err)
		}
		if number <= after {
			continue
		}
		if len(found) == limit {
			return found, true, nil
		}
		row := make(map[string]string)
		for i, column := range l.columns {
			row[column] = record[i]
		}
		found = append(found, row)
	}
	return found, false, nil
}

// open opens the file, makes it where it is missing, and locks out other processes.
func (l *ledger) open() (*os.File, error) {
	file, err := l.root.OpenFile(l.name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// catchUp looks at what others have appended.
func (l *ledger) catchUp(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < l.size {
		// Somebody has edited the file.
		l.size, l.rows, l.keys = 0, 0, make(map[string]int)
	}
	added, err := io.ReadAll(io.NewSectionReader(file, l.size, info.Size()-l.size))
	if err != nil {
		return err
	}
	whole := added[:bytes.LastIndexByte(added, '\n')+1]
	reader := csv.NewReader(bytes.NewReader(whole))
	reader.FieldsPerRecord = len(l.columns) + 1
	titled := l.size > 0
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if !titled {
			if !slices.Equal(record[:len(l.columns)], l.columns) {
				return fmt.Errorf("%s has the columns %q, the config says %q", l.name, record[:len(l.columns)], l.columns)
			}
			titled = true
			continue
		}
		l.rows++
		l.keys[record[len(l.columns)]] = l.rows
	}
	l.size += int64(len(whole))
	return nil
}

func (l *ledger) line(row map[string]string, key string) []byte {
	record := make([]string, 0, len(l.columns)+1)
	for _, column := range l.columns {
		record = append(record, row[column])
	}
	return encode(append(record, key))
}

func encode(record []string) []byte {
	var line bytes.Buffer
	w := csv.NewWriter(&line)
	// A buffer takes everything, and Write and Flush fail for nothing else.
	_ = w.Write(record)
	w.Flush()
	return line.Bytes()
}

// unavailable is the error of a file that could not be used: nothing took place.
func unavailable(err error) *sdk.Error {
	return sdk.Refuse(sdk.CodeUnavailable, "%v", err).Later(0)
}
