package channel

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// mailDir writes mails as files that a mail program opens, one a message: the same message again is the
// same file. It is for trying things out, and for who takes mails from a folder.
type mailDir struct {
	Mail
}

func newMailDir(c Mail) (*mailDir, error) {
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("MAIL_DIR: %w", err)
	}
	return &mailDir{c}, nil
}

func (d *mailDir) Name() v1alpha1.NotificationChannel { return email }

func (d *mailDir) Send(_ context.Context, message Message) error {
	letter, err := d.compose(message)
	if err != nil {
		return err
	}
	folder, err := os.OpenRoot(d.Dir)
	if err != nil {
		return fmt.Errorf("MAIL_DIR: %w", err)
	}
	defer func() { _ = folder.Close() }()
	name := strings.ReplaceAll(message.ID, "/", "-") + ".eml"
	file, err := folder.OpenFile("."+name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("MAIL_DIR: %w", err)
	}
	if _, err := letter.WriteTo(file); err != nil {
		_ = file.Close()
		return fmt.Errorf("MAIL_DIR: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("MAIL_DIR: %w", err)
	}
	if err := folder.Rename("."+name, name); err != nil {
		return fmt.Errorf("MAIL_DIR: %w", err)
	}
	return nil
}
