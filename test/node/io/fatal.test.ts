import { expect, test } from 'vitest'
import { systemRandom } from '../../../protocol/crypto/primitives.ts'
import { createIdentity, signalSessions } from '../../../protocol/session/signal.ts'
import { sealing } from '../../../protocol/wire/sealed.ts'
import { Device } from '../../../node/core/device.ts'
import { DeviceNode } from '../../../node/device-node.ts'
import { Telling } from '../../../node/events.ts'
import { NodeError, type NodeEvents } from '../../../node/index.ts'
import { MemoryStore } from '../../../node/io/store-memory.ts'
import { atEnd } from './support.ts'

class FailingStore extends MemoryStore {
  isFull = false

  override commit(): void {
    if (this.isFull) throw new Error('the disk is full')
    super.commit()
  }
}

function nodeOver(store: FailingStore): { node: DeviceNode; released: () => boolean } {
  const own = createIdentity(systemRandom.bytes(32), 1)
  const accountSeed = systemRandom.bytes(32)
  const init = {
    reads: store,
    sessions: signalSessions,
    sealing,
    random: systemRandom,
    own,
    accountSeed,
    name: 'Someone',
  }
  let released = false
  const node = new DeviceNode({
    device: new Device(init),
    store,
    deviceSeed: own.seed,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    log: () => undefined,
    release: () => {
      released = true
      store.close()
    },
  })
  atEnd(() => node.stop())
  return { node, released: () => released }
}

test('a store that fails ends the node: it is told, callers are refused, everything is let go', async () => {
  const store = new FailingStore()
  const { node, released } = nodeOver(store)
  await node.start()
  await node.invite()
  const fatal = new Promise<Error>((resolve) => node.on('fatal', resolve))
  store.isFull = true
  await expect(node.invite()).rejects.toThrow(NodeError)
  expect((await fatal).message).toBe('the disk is full')
  await node.stop()
  expect(released()).toBe(true)
  await expect(node.invite()).rejects.toThrow('not running')
})

test('a listener that throws keeps the news from nobody else, and neither it nor an unheard end is swallowed', () => {
  const surfaced: unknown[] = []
  const reached: string[] = []
  const telling = new Telling((error) => surfaced.push(error))
  const fault = new Error('the listener is at fault')
  telling.on('gap', () => {
    throw fault
  })
  telling.on('gap', () => reached.push('second'))
  telling.tell('gap', {} as NodeEvents['gap'])
  const end = new Error('the end')
  telling.tellFatal(end)
  expect([reached, surfaced]).toEqual([['second'], [fault, end]])
})
