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

// logged returns the lines that were logged, without their times.
func logged(buffer *bytes.Buffer) []string {
	lines := strings.Split(strings.TrimSpace(buffer.String()), "\n")
	buffer.Reset()
	for i, line := range lines {
		_, lines[i], _ = strings.Cut(line, " ")
	}
	return lines
}

func TestAnOutageIsLoggedWhenItBeginsWhileItLastsAndWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer bytes.Buffer
		log := outage.New(slog.New(slog.NewTextHandler(&buffer, nil)), outage.Trouble("the store"))
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
			`level=ERROR msg="still trouble with the store; trying again" operation=read error=down forMs=60000 failures=121`,
			`level=ERROR msg="still trouble with the store; trying again" operation=read error=down forMs=120000 failures=241`,
			`level=INFO msg="no more trouble with the store" afterMs=150000 failures=300`,
		}
		if got := logged(&buffer); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		log.Note("read", down)
		log.Note("read", nil)
		if got := logged(&buffer); len(got) != 2 || !strings.Contains(got[1], "failures=1") {
			t.Errorf("the next one: %q", got)
		}
		log.Note("once", down)
		log.Note("read", nil)
		time.Sleep(2 * time.Minute)
		log.Note("read", nil) // "once" is not retried any more
		if got := logged(&buffer); len(got) != 2 || !strings.Contains(got[1], "no more trouble") {
			t.Errorf("what is not retried: %q", got)
		}
	})
}

func TestAnOutageThatTwoPartsNoticeIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer bytes.Buffer
		driver := outage.New(slog.New(slog.NewTextHandler(&buffer, nil)), outage.Messages{
			Level: slog.LevelWarn, Begins: "the driver fails", Lasts: "the driver still fails", Ends: "the driver works again",
		})
		above := driver.Share(outage.Trouble("the store"))
		down := errors.New("down")
		driver.Note("connect", down)
		above.Note("write", down)
		time.Sleep(time.Minute)
		above.Note("write", down)
		driver.Note("connect", nil)
		above.Note("write", nil)
		want := []string{
			`level=WARN msg="the driver fails" operation=connect error=down`,
			`level=ERROR msg="the driver still fails" operation=write error=down forMs=60000 failures=3`,
			`level=INFO msg="the driver works again" afterMs=60000 failures=3`,
		}
		if got := logged(&buffer); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		above.Note("write", down)
		driver.Note("connect", down)
		driver.Note("connect", nil)
		above.Note("write", nil)
		if got := logged(&buffer); len(got) != 2 || !strings.Contains(got[0], "trouble with the store") || !strings.Contains(got[1], "no more trouble") {
			t.Errorf("what the other part noticed first: %q", got)
		}
	})
}
