package outage_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/outage"
)

// told answers the lines that were logged, without their times.
func told(buffer *bytes.Buffer) []string {
	lines := strings.Split(strings.TrimSpace(buffer.String()), "\n")
	buffer.Reset()
	for i, line := range lines {
		_, lines[i], _ = strings.Cut(line, " ")
	}
	return lines
}

func TestAnOutageIsToldWhenItBeginsNowAndThenAndWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer bytes.Buffer
		log := outage.New(slog.New(slog.NewTextHandler(&buffer, nil)), "the store")
		down := errors.New("down")
		log.Note("read", nil)
		log.Note("write", nil)
		for range 150 {
			log.Note("read", down)
			log.Note("write", down)
			log.Note("look", nil)
			time.Sleep(time.Second)
		}
		log.Note("read", nil)
		log.Note("read", nil)
		log.Note("write", nil) // only now does everything work
		log.Note("write", nil)
		want := []string{
			`level=ERROR msg="trouble with the store; trying again" operation=read error=down`,
			`level=ERROR msg="still trouble with the store; trying again" operation=read error=down for=1m0s failures=121`,
			`level=ERROR msg="still trouble with the store; trying again" operation=read error=down for=2m0s failures=241`,
			`level=INFO msg="no more trouble with the store" after=2m30s failures=300`,
		}
		if got := told(&buffer); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		log.Note("read", down)
		log.Note("read", nil)
		if got := told(&buffer); len(got) != 2 || !strings.Contains(got[1], "failures=1") {
			t.Errorf("the next one: %q", got)
		}
		log.Note("once", down)
		log.Note("read", nil)
		time.Sleep(2 * time.Minute)
		log.Note("read", nil) // "once" is not tried any more
		if got := told(&buffer); len(got) != 2 || !strings.Contains(got[1], "no more trouble") {
			t.Errorf("what is not tried again: %q", got)
		}
	})
}
