package performance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/orderplane/orderplane/api/v1alpha1"
)

// Spread says which products are ordered.
type Spread string

const (
	// Uniform orders every product as often as any other.
	Uniform Spread = "uniform"
	// Zipf orders some products far more often than others, as shops see it.
	Zipf Spread = "zipf"
	// Hot has one product in every order; further lines are uniform.
	Hot Spread = "hot"
)

// zipfExponent makes the first of 1,000 products take about a sixth of the orders.
const zipfExponent = 1.1

const (
	// openingQuantity of every product: no run sells it out.
	openingQuantity = 900_000
	// tooMuch is what a line asks for that is to run short; the schema's highest.
	tooMuch = 1_000_000
)

// Workload is what is ordered.
type Workload struct {
	// Spread over the products.
	Spread Spread `json:"spread"`
	// Lines of an order, each another product.
	Lines int `json:"lines"`
	// ShortPercent of the orders ask for more of one product than there is.
	ShortPercent int `json:"shortPercent,omitempty"`
}

// Name of the workload, such as "uniform/1" or "uniform/1/short30".
func (w Workload) Name() string {
	name := fmt.Sprintf("%s/%d", w.Spread, w.Lines)
	if w.ShortPercent > 0 {
		name += fmt.Sprintf("/short%d", w.ShortPercent)
	}
	return name
}

// deck deals the orders of a workload, the same ones for the same seed.
type deck struct {
	workload Workload
	products int

	mu   sync.Mutex
	rand *rand.Rand
	zipf *rand.Zipf
}

func newDeck(w Workload, products int, seed uint64) *deck {
	r := rand.New(rand.NewPCG(seed, uint64(products)))
	return &deck{workload: w, products: products, rand: r, zipf: rand.NewZipf(r, zipfExponent, 1, uint64(products-1))}
}

// next deals the lines of an order.
func (d *deck) next() []v1alpha1.OrderItem {
	d.mu.Lock()
	defer d.mu.Unlock()
	items := make([]v1alpha1.OrderItem, 0, d.workload.Lines)
	for len(items) < d.workload.Lines {
		id := productID(d.pick(len(items)))
		if !slices.ContainsFunc(items, func(i v1alpha1.OrderItem) bool { return i.ProductID == id }) {
			items = append(items, v1alpha1.OrderItem{ProductID: id, Quantity: 1, UnitPrice: "19.99"})
		}
	}
	if d.rand.IntN(100) < d.workload.ShortPercent {
		items[len(items)-1].Quantity = tooMuch
	}
	return items
}

func (d *deck) pick(line int) int {
	switch {
	case d.workload.Spread == Zipf:
		return int(d.zipf.Uint64())
	case d.workload.Spread == Hot && line == 0:
		return 0
	default:
		return d.rand.IntN(d.products)
	}
}

func productID(n int) string { return fmt.Sprintf("prod-%04d", n) }

func newItem(namespace string, n int) *v1alpha1.StockItem {
	return &v1alpha1.StockItem{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "StockItem"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: productID(n), Finalizers: []string{v1alpha1.StockItemFinalizer},
		},
		Spec: v1alpha1.StockItemSpec{SKU: fmt.Sprintf("SKU-%04d", n), Name: fmt.Sprintf("Product %d", n), OpeningQuantity: openingQuantity},
	}
}

// newOrder is an order as people write them; admission fills in the rest.
func newOrder(name, customer string, items []v1alpha1.OrderItem) *v1alpha1.Order {
	return &v1alpha1.Order{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Order"},
		ObjectMeta: metav1.ObjectMeta{Namespace: ordersNamespace, Name: name},
		Spec: v1alpha1.OrderSpec{
			CustomerID: customer, Currency: "EUR", Items: items,
			ShippingAddress: v1alpha1.Address{Street: "1 Harbour Road", City: "Hamburg", Country: "DE", Zip: "20457"},
			Contact:         &v1alpha1.Contact{Email: customer + "@example.com"},
		},
	}
}

// customers there are; which of them orders makes no difference to anybody.
const customers = 100

func customerID(n int) string { return fmt.Sprintf("cust-%03d", n%customers) }
