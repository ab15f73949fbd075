package devservices_test

import (
	"fmt"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orderplane/orderplane/internal/devservices"
)

func TestAMailBecomesAFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "mails")
	sink, err := devservices.StartMailSink(folder, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Stop()
	send := func(id, text string) {
		t.Helper()
		mail := "From: shop@example.com\r\nTo: ines@example.com\r\nMessage-ID: " + id + "\r\n\r\n" + text + "\r\n"
		if err := smtp.SendMail(fmt.Sprintf("127.0.0.1:%d", sink.Port()), nil, "shop@example.com", []string{"ines@example.com"}, []byte(mail)); err != nil {
			t.Fatal(err)
		}
	}
	send("<a-1@orderplane>", "once")
	send("<a-1@orderplane>", "again")
	send("<../../etc/passwd@orderplane>", "elsewhere")
	send("", "nameless")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if len(names) != 3 || !slices.Contains(names, "a-1.eml") || slices.ContainsFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".eml") }) {
		t.Errorf("there are %q", names)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "a-1.eml")); err != nil || !strings.HasSuffix(string(text), "\r\n\r\nagain\r\n") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestASinkThatIsStoppedAtOnceEnds(t *testing.T) {
	for range 50 {
		sink, err := devservices.StartMailSink(t.TempDir(), 0)
		if err != nil {
			t.Fatal(err)
		}
		sink.Stop()
	}
}
