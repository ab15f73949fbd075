// Package cachedclient is how Orderplane's processes read the Kubernetes API through caches,
// and how they write what every order costs.
//
// # Reading
//
// A Source makes the caches of a process. All of their informers list the newest version in pages
// of [Page] objects. The kinds of orderplane.dev the Source decodes itself, item by item, from the
// connection. All other kinds are client-go's. Reflector, store, resourceVersions, page tokens and
// back-off are client-go's for every kind.
//
// # What can't be decoded
//
// An object whose Go type can't hold what is stored is set aside, alone. It stays in the store of
// its informer as far as it could be decoded, and marked ([IsSetAside]), so that lists, bookmarks,
// deletions and mends are as for any other object. Reads of a cache don't hand it on: a Get
// returns a [SetAsideError], a List leaves it out, an index does not have it. Event handlers are given
// it, and have to ask [IsSetAside] first. [Live] does the same for a reader that asks the API
// server. A gauge counts what is set aside, and the log names each object once.
//
// # Writing
//
// A StatusWriter creates objects and writes statuses. It does not decode what the API server
// answers, because the watch brings the same object again.
//
// # Own writes and the cache
//
// The cache shows a write when the watch brings it, some milliseconds after the API server has
// answered. A controller that looks in between sees the version that its own write has replaced.
// It would decide the same again, and the API server would refuse the write. Expectations know
// which versions were replaced:
//
//  1. After a write the controller calls Expect with the version that it read.
//  2. Before it decides it asks Pending about the version that it reads now.
//  3. While that is true it decides nothing and looks again later. The event of the write wakes it
//     earlier.
//
// # What holds when something fails
//
//   - The cache may be old. It is never wrong: it shows versions that were stored, in their order.
//   - Every write carries the resourceVersion that it was decided on. The API server refuses a
//     decision on an old version. Expectations only save that attempt; nothing else rests on them.
//   - A process that starts again has no Expectations. Its caches are as new as its start.
//   - A write whose answer is lost is not expected. It costs one refused write.
//   - A write that changes nothing has no event. Its expectation ends by time.
//   - A list that ends early is an error, and never a shorter list. The reflector lists again.
//   - A watch that is cut ends without an error, also in the middle of an event. The reflector begins
//     another one after the last event that it was given. No event is lost, and none is given twice.
//   - An object whose metadata can't be decoded is an error of its list or its watch: nobody can
//     tell which it is. The reflector backs off and lists again. The API server itself refuses to
//     serve such an object.
//
// The figures that this rests on are in docs/design/0006-reading.md.
package cachedclient
