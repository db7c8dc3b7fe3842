/** A Linnet device as a library: `createNode`, what it returns, and what it tells. */
export { createNode } from './node.ts'
export { NodeError } from './api.ts'
export type {
  ContactView,
  Diagnosis,
  Finding,
  LinnetNode,
  LogEntry,
  MessageView,
  NodeErrorReason,
  NodeEvents,
  NodeIdentity,
  NodeOptions,
  PresenceEvent,
  RelayStanding,
  SafetyNumber,
  Why,
} from './api.ts'
export type { NodeEvent, StoredEvent } from './core/state.ts'
