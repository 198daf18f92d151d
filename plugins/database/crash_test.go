package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Environment of a child process, which is this test binary again.
const (
	childDir   = "BACKFLOW_TEST_CHILD_DIR"
	childFirst = "BACKFLOW_TEST_CHILD_FIRST"
	childLast  = "BACKFLOW_TEST_CHILD_LAST"
)

const childCredentials = `{"url":"sqlite://app.db","migrations":"migrations"}`

func childParams(i int) string {
	return fmt.Sprintf(`{"table":"log","data":{"n":%d}}`, i)
}

// runChild inserts a row for each number from first to last, four callers at
// once, under a key each, and prints the number and the result of each.
func runChild(dir string) int {
	first, _ := strconv.Atoi(os.Getenv(childFirst)) // the test set it
	last, _ := strconv.Atoi(os.Getenv(childLast))
	plugin := newServed(time.Now)
	if err := plugin.Configure(context.Background(), sdk.Config{Credentials: json.RawMessage(childCredentials), BaseDir: dir}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	numbers := make(chan int)
	failed := make(chan error, 4)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range numbers {
				body, err := insert(plugin, fmt.Sprintf("key-%d", i), childParams(i))
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%d\t%s\n", i, body)
			}
		})
	}
	for i := first; i <= last; i++ {
		select {
		case numbers <- i:
		case err := <-failed:
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	close(numbers)
	group.Wait()
	if err := plugin.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startChild runs a child and hands each of its results to heard.
func startChild(t *testing.T, dir string, first, last int, heard func(number int, answer string)) (command *exec.Cmd, wait func() error) {
	t.Helper()
	binary, err := os.Executable()
	must(t, err)
	command = exec.Command(binary)
	command.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childFirst, first), fmt.Sprintf("%s=%d", childLast, last))
	var stderr strings.Builder
	command.Stderr = &stderr
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	return command, func() error {
		lines := bufio.NewReader(output)
		for {
			line, err := lines.ReadString('\n')
			if err != nil { // the end, or the torn last line of a killed child
				break
			}
			number, answer, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			n, err := strconv.Atoi(number)
			if err != nil {
				return fmt.Errorf("child said %q", line)
			}
			heard(n, answer)
		}
		if err := command.Wait(); err != nil {
			return fmt.Errorf("%w: %s", err, stderr.String())
		}
		return nil
	}
}

// TestAfterAKillEveryKeyHasOneRow kills a process in the middle of keyed
// inserts, again and again, and then repeats every key.
func TestAfterAKillEveryKeyHasOneRow(t *testing.T) {
	dir := t.TempDir()
	writeMigration(t, dir, "00001_log.sql", `CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)`)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	answers := make(map[int]string)
	highest, killed := 0, 0
	for range 15 {
		// Each child begins with keys that the one before may have been at.
		first, until := max(1, highest-4), 1+random.IntN(40)
		count := 0
		var child *os.Process
		command, wait := startChild(t, dir, first, first+100000, func(number int, answer string) {
			if before, ok := answers[number]; ok && before != answer {
				t.Errorf("key %d answered %s, before %s", number, answer, before)
			}
			answers[number] = answer
			highest = max(highest, number)
			if count++; count == until {
				must(t, child.Kill())
				killed++
			}
		})
		child = command.Process
		if err := wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("child ended with %v", err)
		}
	}
	if killed != 15 {
		t.Errorf("%d children were killed in the middle", killed)
	}

	f := &fixture{t: t, plugin: configured(t, dir, childCredentials, newClock()), look: lookAt(t, filepath.Join(dir, "app.db"))}
	for i := 1; i <= highest+4; i++ {
		answer := f.insert(fmt.Sprintf("key-%d", i), childParams(i))
		if before, ok := answers[i]; ok && before != answer {
			t.Errorf("key %d answered %s, before %s", i, answer, before)
		}
		if got := f.scalar(`SELECT group_concat(json_object('id', id, 'n', n)) FROM log WHERE n = ?`, i); got != answer {
			t.Errorf("key %d: rows %s, answer %s", i, got, answer)
		}
	}
	if got := f.scalar(`PRAGMA integrity_check`); got != "ok" {
		t.Error(got)
	}
}

// TestTwoProcessesOnOneFileInsertOneRowAKey starts two processes at once on a
// database that is not there yet, with the same migrations and keys.
func TestTwoProcessesOnOneFileInsertOneRowAKey(t *testing.T) {
	dir := t.TempDir()
	writeMigration(t, dir, "00001_log.sql", `CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)`)
	writeMigration(t, dir, "00002_first.sql", `INSERT INTO log (n) VALUES (0)`)
	const last = 150
	var answers [2]map[int]string
	var failed [2]error
	var group sync.WaitGroup
	for i := range answers {
		answers[i] = make(map[int]string)
		_, wait := startChild(t, dir, 1, last, func(number int, answer string) { answers[i][number] = answer })
		group.Go(func() { failed[i] = wait() })
	}
	group.Wait()
	for _, err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= last; i++ {
		if answers[0][i] == "" || answers[0][i] != answers[1][i] {
			t.Errorf("key %d answered %q and %q", i, answers[0][i], answers[1][i])
		}
	}
	f := &fixture{t: t, look: lookAt(t, filepath.Join(dir, "app.db"))}
	if got := f.scalar(`SELECT count(*) || ' ' || count(DISTINCT n) FROM log`); got != fmt.Sprintf("%d %d", last+1, last+1) {
		t.Errorf("rows and numbers: %s", got)
	}
}
