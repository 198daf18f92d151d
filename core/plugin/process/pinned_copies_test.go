package process

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// TestACopyCanBeRunWhileOthersAreStarted: a copy that a child of another start still has
// open for writing could not.
func TestACopyCanBeRunWhileOthersAreStarted(t *testing.T) {
	program, err := exec.LookPath("true")
	if err != nil {
		t.Skip(err)
	}
	stop := make(chan struct{})
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := exec.Command(program).Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	dir := t.TempDir()
	for i := range 100 {
		to := filepath.Join(dir, strconv.Itoa(i))
		if _, err := copyFile(program, to); err != nil {
			t.Fatal(err)
		}
		if err := exec.Command(to).Run(); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	starting.Wait()
}
