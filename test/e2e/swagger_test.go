//go:build linux

package e2e_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/orderplane/orderplane/internal/devservices"
	"github.com/orderplane/orderplane/test/testenv"
)

// pageWithin is generous for what a browser does on a machine that is busy with other tests.
const pageWithin = 90 * time.Second

// answered is where the Swagger UI shows the answer to a request.
const answered = ".live-responses-table tbody "

// orderBySwaggerUI authorizes in the Swagger UI and tries out a create, as it stands there, in a
// browser that reaches this machine alone.
func orderBySwaggerUI(t *testing.T, s *stack) {
	page, asked := openBrowser(t)
	const operation = "#operations-orders-createOrder "
	err := chromedp.Do(page,
		chromedp.Navigate(s.env["GATEWAY_URL"]+"/swagger-ui.html"),
		chromedp.Click(chromedp.CSS("button.authorize")),
		chromedp.SendKeys(chromedp.CSS(".modal-ux input"), s.env["CUSTOMER_TOKEN"]),
		chromedp.Click(chromedp.CSS(".modal-ux button.authorize")),
		chromedp.Click(chromedp.CSS(".modal-ux button.btn-done")),
		chromedp.Click(chromedp.CSS(operation+".opblock-summary-control")),
		chromedp.Click(chromedp.CSS(operation+".try-out__btn")),
		chromedp.Click(chromedp.CSS(operation+".execute")),
		chromedp.WaitVisible(chromedp.CSS(answered+".highlight-code code")),
	)
	if err != nil {
		t.Fatalf("use the Swagger UI: %v; it had asked for\n%s", err, strings.Join(asked(), "\n"))
	}
	status, err := chromedp.Run(page, chromedp.Text(chromedp.CSS(answered+".response-col_status")))
	if err != nil {
		t.Fatal(err)
	}
	body, err := chromedp.Run(page, chromedp.Text(chromedp.CSS(answered+".highlight-code code")))
	if err != nil {
		t.Fatal(err)
	}
	var made order
	if err := json.Unmarshal([]byte(body), &made); err != nil || !strings.HasPrefix(status, "201") {
		t.Fatalf("the create was answered with %q %s: %v", status, body, err)
	}
	s.waitOrder(made.OrderID, "CONFIRMED")
	urls := asked()
	if len(urls) < 4 {
		t.Errorf("the page, its script, its document and the order are four requests at least: %v", urls)
	}
	for _, url := range urls {
		if !strings.HasPrefix(url, s.env["GATEWAY_URL"]+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked another origin: %s", url)
		}
	}
}

// openBrowser opens a page in a browser that looks up no names, until the test is over. asked are
// the URLs that the page has asked for. The test is left out where there is no browser.
func openBrowser(t *testing.T) (page context.Context, asked func() []string) {
	t.Helper()
	bin, err := devservices.FindChromium()
	if err != nil {
		testenv.LeaveOut(t, err, devservices.ErrNoChromium)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(bin),
		chromedp.NoSandbox, // root has none in Chromium
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
		chromedp.WindowSize(1280, 1600),
	)
	within, cancel := context.WithTimeout(t.Context(), pageWithin)
	t.Cleanup(cancel)
	browser, endBrowser := chromedp.NewExecAllocator(within, options...)
	t.Cleanup(endBrowser)
	page, endPage := chromedp.NewContext(browser)
	t.Cleanup(endPage)
	var (
		mu   sync.Mutex
		urls []string
	)
	err = chromedp.Listen(page, func(event any) {
		if sent, is := event.(*network.EventRequestWillBeSent); is {
			mu.Lock()
			defer mu.Unlock()
			urls = append(urls, sent.Request.URL)
		}
	})
	if err != nil {
		t.Fatalf("open a page in %s: %v", bin, err)
	}
	return page, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), urls...)
	}
}
