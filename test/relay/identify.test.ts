/** What a relay says of itself to libp2p nodes that know nothing of Linnet. */
import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { directoryProtocol } from '../../protocol/wire/directory.ts'
import { mailboxProtocol } from '../../protocol/wire/mailbox.ts'
import { runningRelay } from './network.ts'
import { atEnd } from './temporary.ts'

test('a relay answers identify with what it speaks, where it is, and where it sees whoever asks', async () => {
  const { address } = await runningRelay({ store: 'memory' })
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify({ runOnConnectionOpen: false }) },
  })
  atEnd(() => node.stop())
  const connection = await node.dial(multiaddr(address))
  const said = await node.services.identify.identify(connection)
  expect(said.protocols).toEqual(expect.arrayContaining([mailboxProtocol, directoryProtocol, '/ipfs/id/1.0.0']))
  expect(said.listenAddrs.map(String)).toEqual([address.replace(/\/p2p\/.*/, '')])
  expect(said.observedAddr?.toString()).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
  expect(address).toContain(said.peerId.toString())
})
