// Package intake reads the topics and keeps in ops_notifications what customers are to be told
// (rules 6 to 12 of docs/design/0016-notifications.md).
//
// Each record ends in one of these ways, and its offset is committed only after that:
//
//   - Its event, and all before it of the same order, are in the inbox, with the notifications that
//     they make. A record that comes twice changes nothing.
//   - It is passed over: somebody asks for a cancel with it, or it was put back for another group.
//   - It can't be read, or is about no event that ops_orders knows. After three more tries it goes to the
//     dead letters of its topic. Records behind it go on meanwhile.
//
// A database or a broker that is away is waited for, and is no fault of a record.
package intake
