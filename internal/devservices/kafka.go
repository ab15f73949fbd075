package devservices

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// KafkaOptions say how an Apache Kafka broker is run.
type KafkaOptions struct {
	// Libs holds the jars; FindKafka gives it.
	Libs string
	// Dir keeps the data and the configuration.
	Dir string
	// LogDir receives kafka.log.
	LogDir string
	// Port is a loopback port; a free one when 0.
	Port int
	// Secured are listeners beside the plain one.
	Secured []KafkaListener
}

// KafkaListener is a listener that asks its clients for something.
type KafkaListener struct {
	// Name of the listener, in capitals.
	Name string
	// Protocol is SSL, SASL_PLAINTEXT or SASL_SSL.
	Protocol string
	// Port is a loopback port.
	Port int
	// Properties are what the broker is told of it, such as ssl.keystore.location.
	Properties map[string]string
}

// clusterID of the one-node cluster: any 16 bytes in base64.
const clusterID = "b3JkZXJwbGFuZS10ZXN0cw"

// Kafka is an Apache Kafka broker that is its own controller.
type Kafka struct {
	*devcluster.Server
	opts KafkaOptions
	java string
}

// StartKafka runs a broker and waits until it serves.
func StartKafka(ctx context.Context, o KafkaOptions) (*Kafka, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("start kafka: %w: install Java 17 or newer (on Debian: apt-get install default-jre-headless)", err)
	}
	for _, dir := range []string{o.Dir, o.LogDir} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("start kafka: %w", err)
		}
	}
	k := &Kafka{opts: o, java: java}
	k.Server = devcluster.NewServer(devcluster.ServerOptions{
		Name: "kafka", Path: java, Port: o.Port, StartTimeout: startWithin,
		LogFile: filepath.Join(o.LogDir, "kafka.log"),
		Prepare: func(port int) error { return k.prepare(ctx, port) },
		Args:    func(int) []string { return k.args("kafka.Kafka", k.configFile()) },
		Ready:   brokerServes,
	})
	if err := k.Launch(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// Bootstrap is the broker's address, as clients take it.
func (k *Kafka) Bootstrap() string { return address(k.Port()) }

func address(port int) string { return net.JoinHostPort(devcluster.Host, strconv.Itoa(port)) }

func (k *Kafka) configFile() string { return filepath.Join(k.opts.Dir, "server.properties") }

// args runs a class of Kafka's in a small heap. What would be optimized for hours of running
// is not: a broker for tests is stopped before that pays.
func (k *Kafka) args(class string, args ...string) []string {
	return append([]string{
		"-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN",
		"-cp", filepath.Join(k.opts.Libs, "*"), class,
	}, args...)
}

// prepare writes the configuration for a port, and formats the data folder if it is new.
func (k *Kafka) prepare(ctx context.Context, port int) error {
	controller, err := devcluster.FreePort()
	if err != nil {
		return err
	}
	data := filepath.Join(k.opts.Dir, "data")
	properties := kafkaProperties(data, address(port), address(controller), k.opts.Secured)
	if err := os.WriteFile(k.configFile(), []byte(properties), 0o600); err != nil {
		return fmt.Errorf("configure kafka: %w", err)
	}
	if _, err := os.Stat(filepath.Join(data, "meta.properties")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	format := k.args("kafka.tools.StorageTool", "format", "--cluster-id="+clusterID, "--config="+k.configFile())
	cmd := exec.CommandContext(ctx, k.java, format...) //nolint:gosec // the machine's java, and paths of the caller
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("format kafka's storage in %s: %w: %s", data, err, strings.TrimSpace(said.String()))
	}
	return nil
}

func kafkaProperties(data, broker, controller string, secured []KafkaListener) string {
	listeners, protocols, lines := "PLAINTEXT://"+broker, "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", []string{}
	for _, l := range secured {
		listeners += "," + l.Name + "://" + address(l.Port)
		protocols += "," + l.Name + ":" + l.Protocol
		for _, name := range slices.Sorted(maps.Keys(l.Properties)) {
			lines = append(lines, "listener.name."+strings.ToLower(l.Name)+"."+name+"="+l.Properties[name])
		}
	}
	lines = append(lines,
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@"+controller,
		"controller.listener.names=CONTROLLER",
		"listeners="+listeners+",CONTROLLER://"+controller,
		"advertised.listeners="+listeners,
		"listener.security.protocol.map="+protocols,
		"log.dirs="+data,
		// A topic nobody made is a mistake, and the tests want to see it.
		"auto.create.topics.enable=false",
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=1",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		// The cleaner's buffers are as large as the whole heap here.
		"log.cleaner.enable=false",
		// A broker that was killed is taken back as soon as its session is over.
		"broker.heartbeat.interval.ms=500",
		"broker.session.timeout.ms=3000",
	)
	return strings.Join(lines, "\n") + "\n"
}

func brokerServes(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address(port)), kgo.RetryTimeout(askWithin))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}
