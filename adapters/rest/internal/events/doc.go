// Package events sends what happens to an order to clients that stay connected, as server-sent
// events (HTML, 9.2).
//
// One informer feeds a Hub, and every stream watches its order there: no stream has a watch of its
// own at the API server. A watch keeps only the newest version. That is enough, because a version
// has the whole history of its order. So a slow reader costs one pointer, however much happens
// meanwhile.
//
// The id of an event is its number in the order's history, and its data is the envelope that Kafka
// has, byte for byte. A client that comes back says with Last-Event-ID what it has, and gets the
// rest, from any gateway. So a stream may end at any time without a loss, and it does:
//
//   - when nothing can happen to the order any more, or when it is gone;
//   - when the client's token is not good any more;
//   - when the gateway drains;
//   - when the client is away, or takes nothing for a while.
package events
