package chart_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/orderplane/orderplane/internal/devcluster"
)

// pod is a process in place of a deployment's pods.
type pod struct {
	*devcluster.Process
	log    string
	labels map[string]string
	ports  map[string]int // by the names of the container's ports
}

// url is that of a named port.
func (p *pod) url(port string) string {
	return fmt.Sprintf("http://%s:%d", devcluster.Host, p.ports[port])
}

// flags say which flag gives a named port another number: two clusters may be run on this machine.
func flags() map[string]string {
	return map[string]string{
		"health": "--http-port=%d", "http": "--http-port=%d", "inventory": "--inventory-port=%d",
		"metrics": "--metrics-bind-address=" + devcluster.Host + ":%d", "webhook": "--webhook-port=%d",
	}
}

// run starts what a deployment in the cluster says: the arguments and the environment of its container,
// out of its config maps and secrets, with the token of its account and nothing else. It is there once
// its probe of readiness is answered.
func (c *cluster) run(t *testing.T, binary, component string) *pod {
	t.Helper()
	var d appsv1.Deployment
	c.get(t, system, "orderplane-"+component, &d)
	container := d.Spec.Template.Spec.Containers[0]
	p := &pod{log: filepath.Join(c.dir, component+".log"), labels: d.Spec.Template.Labels, ports: map[string]int{}}
	args := append(container.Args, "--bind-address="+devcluster.Host) //nolint:gocritic // the object is not used any more
	for _, port := range container.Ports {
		free, err := devcluster.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		p.ports[port.Name] = free
		args = append(args, fmt.Sprintf(flags()[port.Name], free))
	}
	env := append(c.environment(t, container), "KUBECONFIG="+c.login(t, d.Spec.Template.Spec.ServiceAccountName))
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() }) //nolint:errcheck // the process has ended
	if p.Process, err = devcluster.StartProcess(component, devcluster.Command{Path: binary, Args: args, Env: env, Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() }) //nolint:errcheck // it may have ended
	c.mu.Lock()
	c.pods[component] = p
	c.mu.Unlock()
	get := container.ReadinessProbe.HTTPGet
	eventually(t, component+" is ready", func() string { return p.asked(t.Context(), p.url(get.Port.String())+get.Path) })
	return p
}

// asked is what is wrong with the answer of a URL.
func (p *pod) asked(ctx context.Context, url string) string {
	if err := p.Err(); err != nil {
		text, _ := os.ReadFile(p.log)
		return fmt.Sprintf("it ended: %v\n%s", err, text)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close() //nolint:errcheck // it is not read
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

// environment is what the kubelet gives a container.
func (c *cluster) environment(t *testing.T, container corev1.Container) []string {
	t.Helper()
	var env []string
	for _, from := range container.EnvFrom {
		if from.ConfigMapRef != nil {
			for name, value := range c.configMap(t, from.ConfigMapRef.Name) {
				env = append(env, name+"="+value)
			}
		}
		if from.SecretRef != nil {
			for name, value := range c.secret(t, from.SecretRef.Name, from.SecretRef.Optional != nil && *from.SecretRef.Optional) {
				env = append(env, name+"="+string(value))
			}
		}
	}
	for _, v := range container.Env {
		switch from := v.ValueFrom; {
		case from == nil:
			env = append(env, v.Name+"="+v.Value)
		case from.ConfigMapKeyRef != nil:
			env = append(env, v.Name+"="+c.configMap(t, from.ConfigMapKeyRef.Name)[from.ConfigMapKeyRef.Key])
		case from.SecretKeyRef != nil:
			env = append(env, v.Name+"="+string(c.secret(t, from.SecretKeyRef.Name, false)[from.SecretKeyRef.Key]))
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
			env = append(env, v.Name+"="+system)
		default:
			t.Fatalf("%s is from somewhere else: %+v", v.Name, from)
		}
	}
	return env
}

func (c *cluster) configMap(t *testing.T, name string) map[string]string {
	t.Helper()
	var m corev1.ConfigMap
	c.get(t, system, name, &m)
	return m.Data
}

func (c *cluster) secret(t *testing.T, name string, optional bool) map[string][]byte {
	t.Helper()
	var s corev1.Secret
	err := c.Get(t.Context(), client.ObjectKey{Namespace: system, Name: name}, &s)
	if err != nil && (!optional || !apierrors.IsNotFound(err)) {
		t.Fatalf("secret %s: %v", name, err)
	}
	return s.Data
}

// login is a kubeconfig with a token of a service account.
func (c *cluster) login(t *testing.T, account string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	of := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: account}}
	if err := c.SubResource("token").Create(t.Context(), of, request); err != nil {
		t.Fatalf("a token for %s: %v", account, err)
	}
	cfg := rest.AnonymousClientConfig(c.Config())
	file := clientcmdapi.NewConfig()
	file.Clusters["c"] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData}
	file.AuthInfos["c"] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	file.Contexts["c"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "c"}
	file.CurrentContext = "c"
	path := filepath.Join(c.dir, "kubeconfig-"+account)
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveProxy leads what the API server sends to a service on to whoever stands for its pods.
func (c *cluster) serveProxy(t *testing.T, socket string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(c.proxy), ReadHeaderTimeout: within}}
	server.Start()
	t.Cleanup(server.Close)
}

func (c *cluster) proxy(w http.ResponseWriter, r *http.Request) {
	address, err := c.behind(r.Context(), r.URL.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer to.Close() //nolint:errcheck // whatever came is passed on
	from, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close() //nolint:errcheck // whatever came is passed on
	if _, err := io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(to, buffered)
		_ = to.Close()
	}()
	_, _ = io.Copy(from, to)
}

// behind is the address of who stands for the pods of the service at an address of the cluster.
func (c *cluster) behind(ctx context.Context, address string) (string, error) {
	var all corev1.ServiceList
	if err := c.List(ctx, &all); err != nil {
		return "", err
	}
	for _, s := range all.Items {
		for _, port := range s.Spec.Ports {
			if fmt.Sprintf("%s:%d", s.Spec.ClusterIP, port.Port) != address {
				continue
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, p := range c.pods {
				if selects(s.Spec.Selector, p.labels) && p.ports[port.TargetPort.String()] != 0 && p.Err() == nil {
					return fmt.Sprintf("%s:%d", devcluster.Host, p.ports[port.TargetPort.String()]), nil
				}
			}
		}
	}
	return "", fmt.Errorf("nobody serves %s", address)
}

func selects(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

// forbidden are the lines of a log that tell of rights that are missing.
func (p *pod) forbidden(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(strings.ToLower(line), "forbidden") {
			found = append(found, line)
		}
	}
	return found
}
