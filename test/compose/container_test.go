//go:build linux

package compose_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/sys/unix"
)

// rootfs is an unpacked image.
type rootfs struct {
	dir        string
	entrypoint []string
	user       string
}

// unpack unpacks the image of a layout for this machine's platform.
func unpack(path, arch, dir string) (*rootfs, error) {
	outer, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return nil, err
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		return nil, err
	}
	inner, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	if manifest, err = inner.IndexManifest(); err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		if m.Platform.Equals(v1.Platform{OS: "linux", Architecture: arch}) {
			img, err := inner.Image(m.Digest)
			if err != nil {
				return nil, err
			}
			return extract(img, dir)
		}
	}
	return nil, fmt.Errorf("the image is not for linux/%s", arch)
}

func extract(img v1.Image, dir string) (*rootfs, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	all := mutate.Extract(img)
	defer all.Close() //nolint:errcheck // it was only read
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return &rootfs{dir: dir, entrypoint: config.Config.Entrypoint, user: config.Config.User}, nil
		}
		if err != nil {
			return nil, err
		}
		if err := put(dir, h, r); err != nil {
			return nil, err
		}
	}
}

// put writes one entry of an image, with its rights and its owner.
func put(dir string, h *tar.Header, content io.Reader) error {
	path := filepath.Join(dir, filepath.Clean("/"+h.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		return os.MkdirAll(path, fs.FileMode(h.Mode))
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fs.FileMode(h.Mode))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close(), os.Chown(path, h.Uid, h.Gid))
}

// endsWithin is how long a service may take to end: all of them are told at once, and some wait for others that are gone.
const endsWithin = 3 * time.Second

// container is a service in a root of its own, with the volumes, the user and the environment that compose.yaml gives it.
type container struct {
	service types.ServiceConfig
	image   *rootfs
	// root is where its file system begins.
	root string
	log  *os.File
}

// newContainer makes the root of a service: the image's files, /etc/hosts, the volumes; read-only where the service says so.
func newContainer(dir string, s types.ServiceConfig, image *rootfs, hosts []byte) (*container, error) {
	c := &container{service: s, image: image, root: filepath.Join(dir, "root", s.Name)}
	if err := linkTree(image.dir, c.root); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(c.root, "etc"), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(c.root, "etc/hosts"), hosts, 0o644); err != nil {
		return nil, err
	}
	if err := unix.Mount(c.root, c.root, "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mount the root: %w", err)
	}
	for _, v := range s.Volumes {
		if err := c.mount(v, filepath.Join(dir, "volume", v.Source)); err != nil {
			return nil, fmt.Errorf("mount %s: %w", v.Target, err)
		}
	}
	for _, text := range s.Tmpfs {
		target, options, _ := strings.Cut(text, ":")
		path := filepath.Join(c.root, target)
		if err := errors.Join(os.MkdirAll(path, 0o755), unix.Mount("tmpfs", path, "tmpfs", 0, options)); err != nil {
			return nil, fmt.Errorf("mount %s: %w", target, err)
		}
	}
	if s.ReadOnly {
		if err := readOnly(c.root); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(dir, s.Name+".log"))
	c.log = log
	return c, err
}

// mount mounts a named volume. A new one takes its owner from the folder in its place, as with Docker.
func (c *container) mount(v types.ServiceVolumeConfig, volume string) error {
	target := filepath.Join(c.root, v.Target)
	if err := os.Mkdir(volume, 0o755); err == nil {
		if info, err := os.Stat(filepath.Join(c.image.dir, v.Target)); err == nil {
			owner := info.Sys().(*syscall.Stat_t)
			if err := os.Chown(volume, int(owner.Uid), int(owner.Gid)); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(os.MkdirAll(target, 0o755), unix.Mount(volume, target, "", unix.MS_BIND, "")); err != nil {
		return err
	}
	if v.ReadOnly {
		return readOnly(target)
	}
	return nil
}

func readOnly(path string) error {
	if err := unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return nil
}

// command is a program within the container: the given one, else what the service runs.
func (c *container) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	if args == nil {
		entrypoint := []string(c.service.Entrypoint)
		if entrypoint == nil {
			entrypoint = c.image.entrypoint
		}
		args = append(append(args, entrypoint...), c.service.Command...)
	}
	user := c.service.User
	if user == "" {
		user = c.image.user
	}
	credential, err := credential(user)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = "/", []string{"HOME=/"} // as engines set it for a user that /etc/passwd does not have
	for name, value := range c.service.Environment {
		if value != nil {
			cmd.Env = append(cmd.Env, name+"="+*value)
		}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endsWithin
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: credential}
	return cmd, nil
}

func credential(user string) (*syscall.Credential, error) {
	uid, gid, _ := strings.Cut(user, ":")
	u, err := strconv.ParseUint(uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %q: %w", user, err)
	}
	g, err := strconv.ParseUint(gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %q: %w", user, err)
	}
	return &syscall.Credential{Uid: uint32(u), Gid: uint32(g)}, nil
}

// run runs a program within the container to its end and returns what it says.
func (c *container) run(ctx context.Context, args ...string) (string, error) {
	cmd, err := c.command(ctx, args...)
	if err != nil {
		return "", err
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&complaint, c.log)
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %s: %w: %s", c.service.Name, strings.Join(args, " "), err, complaint.String())
	}
	return out.String(), nil
}

// linkTree makes a folder with the files of another one. They are linked: the binary is large, and most services have it.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return os.Link(path, target)
	})
}

// said is what the service has logged.
func (c *container) said() string {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}
