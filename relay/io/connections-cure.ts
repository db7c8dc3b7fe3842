/**
 * A cure for libp2p 3: its connection manager lists all connections by concatenating one array for each peer, twice for
 * every connection that opens. At 4,000 connections that is most of what a handshake costs; at 20,000 it stops the process.
 *
 * The list is built in one pass instead, and whether there are too many is told from a count that is kept as connections
 * come and go. A libp2p service that reaches into the connection manager, which has no setting for this; where its insides
 * have changed, the pruner is left as it is. To be dropped when libp2p keeps count itself.
 */
import type { Connection, Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface'

/** What is touched of the connection manager; the last part is private to it. */
export interface CuredConnectionManager {
  getConnections(peer?: PeerId): Connection[]
  getConnectionsMap(): { values(): Iterable<Connection[]> }
  getMaxConnections(): number
  readonly connectionPruner?: { _maybePruneConnections?: () => Promise<void> }
}

export interface CuredConnections {
  /** Connections open now. */
  readonly count: number
}

export interface CuredConnectionsComponents {
  readonly connectionManager: CuredConnectionManager
  readonly events: TypedEventTarget<Libp2pEvents>
}

export function curedConnections(): (components: CuredConnectionsComponents) => CuredConnections {
  return ({ connectionManager, events }) => {
    let count = 0
    events.addEventListener('connection:open', () => (count += 1))
    events.addEventListener('connection:close', () => (count -= 1))
    cureListing(connectionManager, () => count)
    curePruner(connectionManager, () => count)
    return {
      get count(): number {
        return count
      },
    }
  }
}

function cureListing(manager: CuredConnectionManager, count: () => number): void {
  const ofPeer = manager.getConnections.bind(manager)
  const list = (peer?: PeerId): Connection[] => (peer === undefined ? listed(manager) : ofPeer(peer))
  manager.getConnections = list
  const insides = manager as unknown as { acceptIncomingConnection?: (socket: unknown) => boolean }
  const accept = insides.acceptIncomingConnection?.bind(manager)
  if (accept === undefined) return
  const onlyCounted = new Proxy<Connection[]>([], {
    get: (empty, key) => (key === 'length' ? count() : Reflect.get(empty, key)),
  })
  insides.acceptIncomingConnection = (socket) => {
    manager.getConnections = () => onlyCounted // It asks for the list only to see how long it is.
    try {
      return accept(socket)
    } finally {
      manager.getConnections = list
    }
  }
}

/** Looks for something to prune only when there are too many connections. */
function curePruner(manager: CuredConnectionManager, count: () => number): void {
  const pruner = manager.connectionPruner
  const prune = pruner?._maybePruneConnections?.bind(pruner)
  if (pruner === undefined || prune === undefined) return
  pruner._maybePruneConnections = async () => {
    if (count() > manager.getMaxConnections()) await prune()
  }
}

function listed(manager: CuredConnectionManager): Connection[] {
  const all: Connection[] = []
  for (const ofOne of manager.getConnectionsMap().values()) for (const connection of ofOne) all.push(connection)
  return all
}
