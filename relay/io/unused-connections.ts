/**
 * Lets go of connections on which nothing goes on. A stranger who connects and opens nothing would otherwise hold a place for as
 * long as they like, and forty addresses of theirs all places there are. A connection is used while it has a stream, gossip
 * aside, which everybody has; or while its peer is to be reached through this relay.
 */
import type { Connection, Libp2p } from '@libp2p/interface'
import type { HostServices } from './host.ts'

export interface UnusedConnectionsInit {
  readonly limits: UnusedConnectionsLimits
  readonly reached: (limit: keyof UnusedConnectionsLimits) => void
}

export interface UnusedConnectionsLimits {
  /** Milliseconds a connection may be of no use; it goes after one to two of them. */
  readonly connectionUnusedMsMax: number
}

/** Looked at in one turn, so that nobody waits for a look at all of them. */
const sliceMax = 500

export function closeUnused(host: Libp2p<HostServices>, { limits, reached }: UnusedConnectionsInit): void {
  let before: ReadonlySet<Connection> = new Set()
  const look = async (): Promise<void> => {
    const unused = new Set<Connection>()
    for (const [i, connection] of host.getConnections().entries()) {
      if (i % sliceMax === sliceMax - 1) await new Promise((resolve) => setImmediate(resolve))
      if (isUsed(connection, host)) continue
      if (!before.has(connection)) unused.add(connection)
      else {
        reached('connectionUnusedMsMax')
        connection.abort(new Error('not used'))
      }
    }
    before = unused
  }
  let timer: NodeJS.Timeout | undefined
  host.addEventListener('start', () => {
    timer = setInterval(() => void look(), limits.connectionUnusedMsMax).unref()
  })
  host.addEventListener('stop', () => clearInterval(timer))
}

function isUsed(connection: Connection, host: Libp2p<HostServices>): boolean {
  if (connection.status !== 'open') return true // It goes by itself.
  if (connection.streams.some(({ protocol }) => !protocol.startsWith('/meshsub/'))) return true
  return host.services.circuit.reservations.has(connection.remotePeer)
}
