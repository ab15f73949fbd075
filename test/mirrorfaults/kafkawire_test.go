package mirrorfaults

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/orderplane/orderplane/test/testenv"
)

// mirrorClient is how mirrors name themselves to a broker.
const mirrorClient = "orderplane"

// broker is that of a world. It stands between it and the mirrors that come one after the other.
type broker struct {
	*kfake.Cluster

	mu sync.Mutex
	// life is the mirror's whose connections come now.
	life *life
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		// Records are sent by the names of their topics, by which the sites are named.
		kfake.MaxVersions(kversion.V3_8_0()),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			l, err := net.Listen(network, address)
			return &brokerListener{l, b}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b.Cluster = cluster
	return b
}

// serves has the next connections of a mirror be those of a life.
func (b *broker) serves(l *life) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.life = l
}

func (b *broker) serving() *life {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.life
}

type brokerListener struct {
	net.Listener
	broker *broker
}

func (l *brokerListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &brokerConn{Conn: conn, broker: l.broker, ended: make(chan struct{})}, nil
}

// brokerConn is the broker's side of a connection. The broker reads one request, answers it in
// one write, and reads the next.
type brokerConn struct {
	net.Conn
	broker *broker
	// life is whose it is; nil when it is not a mirror's.
	life  *life
	known bool
	// rest is what the broker has not read of a request.
	rest []byte
	// dying is true when the request that is being handled is the last.
	dying bool
	ended chan struct{}
	once  sync.Once
}

// Close ends it.
func (c *brokerConn) Close() error {
	c.once.Do(func() { close(c.ended) })
	return c.Conn.Close()
}

// Read gives the broker a request, or what is left of it.
func (c *brokerConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		frame, err := readFrame(c.Conn)
		if err != nil {
			return 0, err
		}
		if err := c.judge(frame); err != nil {
			return 0, err
		}
		c.rest = frame
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write gives the client an answer.
func (c *brokerConn) Write(p []byte) (int, error) {
	if c.dying {
		c.life.Pull()
		return 0, testenv.ErrUnplugged
	}
	return c.Conn.Write(p)
}

func readFrame(from io.Reader) ([]byte, error) {
	frame := make([]byte, 4)
	if _, err := io.ReadFull(from, frame); err != nil {
		return nil, err
	}
	frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
	_, err := io.ReadFull(from, frame[4:])
	return frame, err
}

// judge decides what becomes of a request.
func (c *brokerConn) judge(frame []byte) error {
	client, req, err := parseRequest(frame[4:])
	if err != nil {
		return err
	}
	if !c.known && client == mirrorClient {
		c.life = c.broker.serving()
		go c.life.cutWith(c.ended, func() { _ = c.Close() })
	}
	c.known = true
	if c.life == nil {
		return nil
	}
	if c.life.IsPulled() {
		return testenv.ErrUnplugged
	}
	sites := sitesOfKafka(req)
	if len(sites) == 0 {
		return nil
	}
	switch c.life.writes(sites...) {
	case before:
		c.life.Pull()
		return testenv.ErrUnplugged
	case after:
		c.dying = true
	default:
	}
	return nil
}

func parseRequest(body []byte) (client string, req kmsg.Request, err error) {
	r := kbin.Reader{Src: body}
	key, version, _ := r.Int16(), r.Int16(), r.Int32()
	if id := r.NullableString(); id != nil {
		client = *id
	}
	req = kmsg.RequestForKey(key)
	req.SetVersion(version)
	if req.IsFlexible() {
		kmsg.SkipTags(&r)
	}
	return client, req, req.ReadFrom(r.Src)
}

// sitesOfKafka are those of a request that changes something for others. Membership of a group
// is none.
func sitesOfKafka(req kmsg.Request) (sites []string) {
	add := func(what, topic string) {
		if site := "kafka " + what + " " + topic; !slices.Contains(sites, site) {
			sites = append(sites, site)
		}
	}
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		for _, t := range r.Topics {
			add("produce", t.Topic)
		}
	case *kmsg.CreateTopicsRequest:
		sites = []string{"kafka create topics"}
	case *kmsg.OffsetCommitRequest:
		for _, t := range r.Topics {
			add("commit offsets of", t.Topic)
		}
	case *kmsg.InitProducerIDRequest:
		sites = []string{"kafka a producer's id"}
	}
	return sites
}
